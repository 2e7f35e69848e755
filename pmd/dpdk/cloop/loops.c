/* The loops themselves. Each ends after so many packets, or after a million
 * empty polls in a row. */
#include <string.h>
#include <time.h>

#include <rte_byteorder.h>
#include <rte_ethdev.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_mbuf.h>

#include "cloop.h"

#define IDLE 1000000

uint64_t
cloop_forward(uint16_t from, uint16_t to, uint16_t burst, uint64_t packets)
{
	struct rte_mbuf *m[CLOOP_BURST];
	uint64_t done = 0, idle = 0;

	while (done < packets && idle < IDLE) {
		uint16_t n = rte_eth_rx_burst(from, 0, m, burst);
		uint16_t sent = rte_eth_tx_burst(to, 0, m, n);

		rte_pktmbuf_free_bulk(m + sent, n - sent);
		done += n;
		idle = n == 0 ? idle + 1 : 0;
	}
	return done;
}

/* The words that have the tag and a value below the largest; others give a
 * difference beyond it. */
static inline uint32_t
value_of(uint64_t word, uint32_t tag)
{
	uint64_t v = word - (((uint64_t)tag << 32) + 1);

	return v < UINT32_MAX ? v : UINT32_MAX;
}

static inline uint32_t
lookup4(struct cloop_table *t, uint32_t a)
{
	uint64_t home = cloop_hash4(t, a) >> t->shift;

	for (uint32_t i = 0; i < BUCKET_LEN + OVERFLOW_LEN; i++) {
		uint64_t w = *cloop_place(t, home, i);
		uint32_t v = value_of(w, a);

		if (v != UINT32_MAX)
			return v;
		if (w == 0)
			break;
	}
	return UINT32_MAX;
}

static inline uint32_t
lookup6(struct cloop_table *t, const uint8_t addr[16])
{
	uint64_t hi, lo, hash;

	memcpy(&hi, addr, 8);
	memcpy(&lo, addr + 8, 8);
	hi = rte_be_to_cpu_64(hi);
	lo = rte_be_to_cpu_64(lo);
	hash = cloop_hash6(t, hi, lo);
	for (uint32_t i = 0; i < BUCKET_LEN + OVERFLOW_LEN; i++) {
		uint64_t w = *cloop_place(t, hash >> t->shift, i);
		uint32_t v = value_of(w, (uint32_t)hash);

		if (v != UINT32_MAX && t->entries[v].hi == hi && t->entries[v].lo == lo)
			return t->entries[v].slave;
		if (w == 0)
			break;
	}
	return UINT32_MAX;
}

/* The output for a frame: that of its destination's slave, or the last. */
static inline uint32_t
decide(struct cloop_reference *r, struct rte_mbuf *m)
{
	const struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, struct rte_ether_hdr *);
	uint32_t slave = UINT32_MAX;

	if (m->data_len < sizeof(*eth) + sizeof(struct rte_ipv4_hdr) || memcmp(&eth->dst_addr, r->mac, 6) != 0)
		return r->noutputs;
	if (eth->ether_type == RTE_BE16(RTE_ETHER_TYPE_IPV4)) {
		const struct rte_ipv4_hdr *ip = (const void *)(eth + 1);
		uint32_t header = (ip->version_ihl & 15) * 4, total = rte_be_to_cpu_16(ip->total_length);

		if (ip->version_ihl >> 4 == 4 && header >= sizeof(*ip) && total >= header && total <= m->pkt_len - sizeof(*eth))
			slave = lookup4(&r->v4, rte_be_to_cpu_32(ip->dst_addr));
	} else if (eth->ether_type == RTE_BE16(RTE_ETHER_TYPE_IPV6)) {
		const struct rte_ipv6_hdr *ip = (const void *)(eth + 1);

		if (m->data_len >= sizeof(*eth) + sizeof(*ip) && (ip->vtc_flow & RTE_BE32(0xf0000000)) == RTE_BE32(0x60000000))
			slave = lookup6(&r->v6, ip->dst_addr);
	}
	return RTE_MIN(slave, r->noutputs);
}

static inline void
put(struct cloop_output *o, struct rte_mbuf **m, uint32_t n)
{
	uint32_t sent = rte_eth_tx_burst(o->port, o->queue, m, n);

	o->packets += sent;
	if (unlikely(sent < n)) {
		o->unsent += n - sent;
		rte_pktmbuf_free_bulk(m + sent, n - sent);
	}
}

/* Sorts by counting, groups in order of first appearance, and sends. */
static inline void
spread(struct cloop_reference *r, struct rte_mbuf **m, const uint32_t *v, uint32_t n)
{
	struct rte_mbuf *sorted[CLOOP_BURST];
	uint32_t seen[CLOOP_BURST], end[CLOOP_BURST];
	uint32_t groups = 0, at = 0;

	for (uint32_t i = 0; i < n; i++)
		if (r->count[v[i]]++ == 0)
			seen[groups++] = v[i];
	for (uint32_t g = 0; g < groups; g++) {
		uint32_t k = r->count[seen[g]];

		r->count[seen[g]] = at;
		at += k;
		end[g] = at;
	}
	for (uint32_t i = 0; i < n; i++)
		sorted[r->count[v[i]]++] = m[i];
	for (uint32_t g = 0, from = 0; g < groups; from = end[g++]) {
		r->count[seen[g]] = 0;
		put(&r->outputs[seen[g]], sorted + from, end[g] - from);
	}
}

uint64_t
cloop_run(struct cloop_reference *r, uint64_t packets)
{
	struct rte_mbuf *m[CLOOP_BURST];
	uint32_t v[CLOOP_BURST];
	uint64_t done = 0, idle = 0;

	while (done < packets && idle < IDLE) {
		uint16_t n = rte_eth_rx_burst(r->from, 0, m, r->burst);

		for (uint32_t i = 0; i < n; i++)
			v[i] = decide(r, m[i]);
		spread(r, m, v, n);
		done += n;
		idle = n == 0 ? idle + 1 : 0;
	}
	return done;
}

uint64_t
cloop_replicate(uint16_t from, uint16_t to, uint16_t queues, uint16_t burst, uint64_t packets)
{
	struct rte_mbuf *m[CLOOP_BURST];
	uint64_t done = 0, idle = 0;

	while (done < packets && idle < IDLE) {
		uint16_t n = rte_eth_rx_burst(from, 0, m, burst);

		for (uint16_t i = 0; i < n; i++)
			rte_mbuf_refcnt_update(m[i], queues - 1);
		for (uint16_t q = 0; q < queues; q++) {
			uint16_t sent = rte_eth_tx_burst(to, q, m, n);

			rte_pktmbuf_free_bulk(m + sent, n - sent);
		}
		done += n;
		idle = n == 0 ? idle + 1 : 0;
	}
	return done;
}

/* Polls queues that have nothing, and gives the packets that came all the same. */
uint64_t
cloop_poll(uint16_t port, uint16_t queues, uint16_t burst, uint64_t turns)
{
	struct rte_mbuf *m[CLOOP_BURST];
	uint64_t got = 0;

	for (; turns > 0; turns--) {
		for (uint16_t q = 0; q < queues; q++) {
			uint16_t n = rte_eth_rx_burst(port, q, m, burst);

			rte_pktmbuf_free_bulk(m, n);
			got += n;
		}
	}
	return got;
}

static uint64_t
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

/* Forwards for ns and counts how often more than gap_ns pass between two polls. */
uint64_t
cloop_gaps(uint16_t from, uint16_t to, uint16_t burst, uint64_t ns, uint64_t gap_ns)
{
	uint64_t begin = now(), last = begin, gaps = 0;

	while (last - begin < ns) {
		uint64_t t;

		cloop_forward(from, to, burst, 1);
		t = now();
		gaps += t - last > gap_ns;
		last = t;
	}
	return gaps;
}
