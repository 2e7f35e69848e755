/* The loops that a C program on DPDK would run. */
#ifndef CLOOP_H
#define CLOOP_H

#include <stddef.h>
#include <stdint.h>

#define CLOOP_BURST 256 /* longest burst */

/* The address table: the layout of flows/ipvlan's, so that both sides touch the
 * same number of cache lines. A word is a tag of 32 bits with a value. */
#define BUCKET_LEN 16
#define OVERFLOW_LEN 8
#define SLOTS_PER_KEY 4

struct cloop_entry6 {
	uint64_t hi, lo;
	uint32_t slave;
};

struct cloop_table {
	uint64_t *words;
	uint64_t key[5];
	uint64_t overflow[OVERFLOW_LEN];
	struct cloop_entry6 *entries;
	uint32_t next, keys; /* entries used, room */
	unsigned int shift;
};

struct cloop_output {
	uint64_t packets, unsent;
	uint16_t port, queue;
};

struct cloop_reference {
	struct cloop_table v4, v6;
	uint16_t from, burst;
	uint8_t mac[6];
	uint32_t noutputs; /* slaves; output noutputs takes what matches none */
	struct cloop_output *outputs;
	uint32_t *count; /* per output, zero between two bursts */
};

int cloop_table_init(struct cloop_table *t, uint32_t keys, int entries, uint64_t seed);
void cloop_table_free(struct cloop_table *t);
int cloop_add4(struct cloop_table *t, uint32_t a, uint32_t slave);
int cloop_add6(struct cloop_table *t, uint64_t hi, uint64_t lo, uint32_t slave);

/* Multiply-shift, and its family for four numbers of 32 bits. */
static inline uint64_t
cloop_hash4(const struct cloop_table *t, uint32_t a)
{
	return a * t->key[0] + t->key[4];
}

static inline uint64_t
cloop_hash6(const struct cloop_table *t, uint64_t hi, uint64_t lo)
{
	return t->key[0] * (hi >> 32) + t->key[1] * (uint32_t)hi +
	       t->key[2] * (lo >> 32) + t->key[3] * (uint32_t)lo + t->key[4];
}

/* The i-th place for a key whose home is slot home. */
static inline uint64_t *
cloop_place(struct cloop_table *t, uint64_t home, uint32_t i)
{
	if (i >= BUCKET_LEN)
		return &t->overflow[i - BUCKET_LEN];
	return &t->words[(home & ~(uint64_t)(BUCKET_LEN - 1)) + (home + i) % BUCKET_LEN];
}

uint64_t cloop_run(struct cloop_reference *r, uint64_t packets);
uint64_t cloop_forward(uint16_t from, uint16_t to, uint16_t burst, uint64_t packets);
uint64_t cloop_replicate(uint16_t from, uint16_t to, uint16_t queues, uint16_t burst, uint64_t packets);
uint64_t cloop_poll(uint16_t port, uint16_t queues, uint16_t burst, uint64_t turns);
uint64_t cloop_gaps(uint16_t from, uint16_t to, uint16_t burst, uint64_t ns, uint64_t gap_ns);
int cloop_relay(int from, int to, int stop, uint64_t *relayed);

#endif
