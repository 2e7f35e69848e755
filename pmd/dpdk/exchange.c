/* The data path of a worker: everything that a step does with ethdev queues. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "shim.h"

/* Counters have one writer; the relaxed store keeps a reader's value whole. */
#define COUNT(c, n) __atomic_store_n(&(c), (c) + (n), __ATOMIC_RELAXED)

#define CHUNK IPVD_CHUNK

_Static_assert(sizeof(struct ipvd_seg) == 16, "pmd.Seg has four uint32");
_Static_assert(sizeof(struct rte_mbuf) == 128, "pmd.Mbuf mirrors 128 bytes");

static uint64_t
lengths(struct rte_mbuf **m, uint32_t n)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < n; i++)
		sum += m[i]->pkt_len;
	return sum;
}

/* What is left of n packets when the driver took sent of them: it is asked once
 * more if it took some (many reclaim descriptors only then); what it leaves is
 * dropped, for waiting here would stop all other ports. Gives the number sent
 * in all, and takes the bytes dropped from bytes. */
static __rte_noinline uint32_t
put_rest(struct ipvd_txq *q, struct rte_mbuf **m, uint32_t n, uint32_t sent, uint64_t *bytes)
{
	COUNT(q->untaken, n - sent);
	if (sent > 0) {
		sent += rte_eth_tx_burst(q->port, q->queue, m + sent, n - sent);
		COUNT(q->untaken, n - sent);
	}
	*bytes -= lengths(m + sent, n - sent);
	COUNT(q->full, n - sent);
	rte_pktmbuf_free_bulk(m + sent, n - sent);
	return sent;
}

/* Sends n packets of bytes bytes that the slot's queue can take. */
static inline void
put(const struct ipvd_txslot *t, struct rte_mbuf **m, uint32_t n, uint64_t bytes)
{
	uint32_t sent = rte_eth_tx_burst(t->port, t->queue, m, n);
	struct ipvd_txq *q = t->q;

	if (unlikely(sent < n))
		sent = put_rest(q, m, n, sent, &bytes);
	COUNT(q->packets, sent);
	COUNT(q->bytes, bytes);
}

/* The longest frame that m is on the link. */
static uint32_t
longest(const struct rte_mbuf *m)
{
	if (m->ol_flags & (RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_UDP_SEG))
		return m->l2_len + m->l3_len + m->l4_len + m->tso_segsz;
	return m->pkt_len;
}

/* Gives m if the queue can take it, a copy with few enough segments, or NULL
 * when there is none, which is counted. */
static struct rte_mbuf *
fit(struct ipvd_txq *q, struct rte_mbuf *m, struct rte_mempool *pool)
{
	struct rte_mbuf *copy;

	if (longest(m) > q->max_frame) {
		COUNT(q->too_big, 1);
		rte_pktmbuf_free(m);
		return NULL;
	}
	if (m->nb_segs <= q->max_segs)
		return m;
	copy = rte_pktmbuf_copy(m, pool, 0, UINT32_MAX);
	rte_pktmbuf_free(m);
	if (copy == NULL) {
		COUNT(q->full, 1);
	} else if (copy->nb_segs > q->max_segs) {
		COUNT(q->too_big, 1);
		rte_pktmbuf_free(copy);
		copy = NULL;
	}
	return copy;
}

/* The vector's pointers stay as they are: other segments may refer to them. */
static __rte_noinline void
put_fitted(const struct ipvd_txslot *t, struct rte_mbuf **m, uint32_t n, struct rte_mempool *pool)
{
	struct rte_mbuf *out[CHUNK];
	uint32_t k = 0;

	for (uint32_t i = 0; i < n; i++) {
		out[k] = fit(t->q, m[i], pool);
		k += out[k] != NULL;
		if (k == CHUNK) {
			put(t, out, k, lengths(out, k));
			k = 0;
		}
	}
	if (k > 0)
		put(t, out, k, lengths(out, k));
}

/* Adds up the lengths of n packets: sums[i] is that of the first i. Gives
 * whether one is beyond what some queue of the set can send. */
static bool
measure(const struct ipvd_set *s, struct rte_mbuf **m, uint32_t n, uint64_t *sums)
{
	const uint32_t max_frame = s->max_frame, max_segs = s->max_segs;
	uint32_t beyond = 0;
	uint64_t sum = 0;

	sums[0] = 0;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t len = m[i]->pkt_len;

		beyond |= (len > max_frame) | (m[i]->nb_segs > max_segs);
		sums[i + 1] = sum += len;
	}
	return beyond != 0;
}

/* Sends segments that follow one another in the vector and have been measured. */
static void
send_run(struct ipvd_set *s, const struct ipvd_seg *seg, uint32_t segs, bool beyond)
{
	struct rte_mbuf **m = s->v->pkts + seg->off;
	const uint64_t *sums = s->v->sums;

	for (uint32_t i = 0; i < segs; m += seg[i].n, sums += seg[i].n, i++) {
		const struct ipvd_txslot *t = &s->tx[seg[i].slot];

		if (t->shared)
			rte_spinlock_lock(&t->q->lock);
		if (likely(!beyond))
			put(t, m, seg[i].n, sums[seg[i].n] - sums[0]);
		else
			put_fitted(t, m, seg[i].n, s->v->pool);
		if (t->shared)
			rte_spinlock_unlock(&t->q->lock);
	}
}

/* Sends segments that the worker has measured, and gives their number. */
static inline uint32_t
send_measured(struct ipvd_set *s, const struct ipvd_seg *seg, uint32_t segs)
{
	struct rte_mbuf **m = s->v->pkts;
	uint32_t i;

	for (i = 0; i < segs && seg[i].bytes != 0; i++) {
		const struct ipvd_txslot *t = &s->tx[seg[i].slot];

		if (i + 1 < segs)
			rte_prefetch0(s->tx[seg[i + 1].slot].q);
		if (t->shared)
			rte_spinlock_lock(&t->q->lock);
		put(t, m + seg[i].off, seg[i].n, seg[i].bytes);
		if (t->shared)
			rte_spinlock_unlock(&t->q->lock);
	}
	return i;
}

/* Packets that the worker has not measured are measured in one loop for all
 * segments that follow one another: one for each segment, of a few packets, would
 * end in a branch that the processor guesses wrong. Those that go to many queues
 * are measured once. */
static void
send_all(struct ipvd_set *s, uint32_t n)
{
	uint32_t off = 0, len = 0;
	bool beyond = false;

	for (uint32_t i = send_measured(s, s->txsegs, n), first; i < n; i += send_measured(s, &s->txsegs[i], n - i)) {
		uint32_t begin = s->txsegs[i].off, end = begin;

		first = i;
		do {
			end += s->txsegs[i++].n;
		} while (i < n && s->txsegs[i].off == end && s->txsegs[i].bytes == 0);
		if (begin != off || end - begin != len) {
			off = begin;
			len = end - begin;
			beyond = measure(s, s->v->pkts + off, len, s->v->sums);
		}
		send_run(s, &s->txsegs[first], i - first, beyond);
	}
}

/* Fills the stock up, by smaller steps when the pool is nearly empty (a bulk
 * allocation is all or nothing), and gives the new count. */
static uint32_t
restock(struct ipvd_vector *v, uint32_t have)
{
	uint32_t n = v->nstock - have;

	while (n > 0) {
		if (rte_pktmbuf_alloc_bulk(v->pool, v->stock + have, n) == 0) {
			have += n;
			break;
		}
		n /= 2;
	}
	return have;
}

/* A queue that found no room is the first to be asked next time. */
static void
receive_all(struct ipvd_set *s, uint32_t pkts)
{
	uint32_t segs = 0, slot = s->next;

	for (uint32_t i = 0; i < s->nrx; i++) {
		struct ipvd_rxq *q = s->rx[slot].q;
		uint32_t room = RTE_MIN(s->rx[slot].burst, s->v->npkts - pkts);
		uint32_t n;

		if (unlikely(room == 0))
			break;
		n = rte_eth_rx_burst(q->port, q->queue, s->v->pkts + pkts, room);
		if (n > 0) {
			s->rxsegs[segs++] = (struct ipvd_seg){slot, pkts, n, 0};
			COUNT(q->packets, n);
			if (!s->rx[slot].metered)
				COUNT(q->bytes, lengths(s->v->pkts + pkts, n));
			pkts += n;
		}
		if (++slot == s->nrx)
			slot = 0;
	}
	s->next = slot;
	s->pkts = pkts;
	s->segs = segs;
}

void
ipvd_flush(struct ipvd_set *s, uint32_t txsegs, uint32_t nfree)
{
	COUNT(s->calls, 1);
	send_all(s, txsegs);
	if (nfree > 0)
		rte_pktmbuf_free_bulk(s->v->free, nfree);
}

/* Sending comes first: the packets to be sent lie where the received ones are
 * written. The set comes as a number, since Go would look in every step for Go's
 * memory behind a pointer. */
void
ipvd_exchange(uintptr_t set, uint32_t txsegs, uint32_t pkts, uint32_t nfree, uint32_t stock)
{
	struct ipvd_set *s = (struct ipvd_set *)set;

	ipvd_flush(s, txsegs, nfree);
	s->stock = restock(s->v, stock);
	receive_all(s, pkts);
}

/* Offers n packets to the driver before they are sent and gives how many it can
 * send; the others are counted and freed. */
static __rte_cold uint32_t
prepare(struct ipvd_txq *q, struct rte_mbuf **m, uint32_t n)
{
	uint32_t ok = 0;

	while (ok < n) {
		ok += rte_eth_tx_prepare(q->port, q->queue, m + ok, n - ok);
		if (ok == n)
			break;
		COUNT(q->refused, 1);
		rte_pktmbuf_free(m[ok]);
		n--;
		memmove(m + ok, m + ok + 1, (n - ok) * sizeof(*m));
	}
	return n;
}

/* Sends the first n packets of s->out. */
__rte_cold void
ipvd_send(struct ipvd_set *s, uint32_t slot, uint32_t n)
{
	const struct ipvd_txslot *t = &s->tx[slot];

	if (t->shared)
		rte_spinlock_lock(&t->q->lock);
	put_fitted(t, s->out, prepare(t->q, s->out, n), s->v->pool);
	if (t->shared)
		rte_spinlock_unlock(&t->q->lock);
}

/* restock, within a step. */
__rte_cold uint32_t
ipvd_restock(struct ipvd_vector *v, uint32_t have)
{
	return restock(v, have);
}

void
ipvd_free(struct rte_mbuf **m, uint32_t n)
{
	rte_pktmbuf_free_bulk(m, n);
}

/* Zeroed memory on a cache line of its own; NULL when there is none. */
void *
ipvd_zalloc(size_t n)
{
	void *p = NULL;

	n = RTE_ALIGN_CEIL(RTE_MAX(n, (size_t)1), RTE_CACHE_LINE_SIZE);
	if (posix_memalign(&p, RTE_CACHE_LINE_SIZE, n) != 0)
		return NULL;
	return memset(p, 0, n);
}
