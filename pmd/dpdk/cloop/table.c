/* Building the address table of the reference loop. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sys/mman.h>

#include "cloop.h"

static uint64_t
splitmix(uint64_t *seed)
{
	uint64_t z = *seed += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

/* Memory in huge pages if the kernel has some, as flows/ipvlan's tables. */
static void *
zeroed(size_t size)
{
	const size_t huge = 2 << 20;
	size_t align = size < huge ? 64 : huge;
	void *p = aligned_alloc(align, (size + align - 1) / align * align);

	if (p == NULL)
		return NULL;
	if (align == huge)
		(void)madvise(p, size, MADV_HUGEPAGE);
	return memset(p, 0, size);
}

int
cloop_table_init(struct cloop_table *t, uint32_t keys, int entries, uint64_t seed)
{
	unsigned int order = 6;

	while ((1ull << order) < 2ull * SLOTS_PER_KEY * keys)
		order++;
	memset(t, 0, sizeof(*t));
	t->shift = 64 - order;
	t->keys = keys;
	for (size_t i = 0; i < sizeof(t->key) / sizeof(t->key[0]); i++)
		t->key[i] = splitmix(&seed);
	t->words = zeroed(sizeof(uint64_t) << order);
	if (entries)
		t->entries = zeroed((keys + 1) * sizeof(*t->entries));
	if (t->words == NULL || (entries && t->entries == NULL))
		return -ENOMEM;
	return 0;
}

void
cloop_table_free(struct cloop_table *t)
{
	free(t->words);
	free(t->entries);
}

static int
insert(struct cloop_table *t, uint64_t hash, uint64_t word)
{
	for (uint32_t i = 0; i < BUCKET_LEN + OVERFLOW_LEN; i++) {
		uint64_t *p = cloop_place(t, hash >> t->shift, i);

		if (*p == 0) {
			*p = word;
			return 0;
		}
	}
	return -ENOSPC;
}

int
cloop_add4(struct cloop_table *t, uint32_t a, uint32_t slave)
{
	return insert(t, cloop_hash4(t, a), ((uint64_t)a << 32) + 1 + slave);
}

int
cloop_add6(struct cloop_table *t, uint64_t hi, uint64_t lo, uint32_t slave)
{
	uint64_t hash = cloop_hash6(t, hi, lo);

	if (t->next == t->keys)
		return -ENOSPC;
	t->entries[t->next] = (struct cloop_entry6){hi, lo, slave};
	return insert(t, hash, (hash << 32) + 1 + t->next++);
}
