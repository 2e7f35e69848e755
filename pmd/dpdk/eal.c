/* EAL: start, log, threads, pools. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_log.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <rte_mbuf_dyn.h>

#include "shim.h"

/* The process has one EAL, and so one log. */
static struct {
	rte_spinlock_t lock;
	char first_error[256]; /* since ipvd_forget_error: the cause, as a rule */
} eal_log;

/* DPDK flushes once a message, so each write is one. Never blocks: the fast
 * path of a driver may log too, and a lost line is better than a stopped
 * worker. */
static ssize_t
log_write(void *cookie, const char *buf, size_t n)
{
	int fd = (int)(intptr_t)cookie;
	uint8_t level = rte_log_cur_msg_loglevel();
	struct iovec iov[2] = {{&level, 1}, {(void *)(uintptr_t)buf, n}};
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 2};

	if (level <= RTE_LOG_ERR) {
		size_t len = RTE_MIN(n, sizeof(eal_log.first_error) - 1);

		rte_spinlock_lock(&eal_log.lock);
		if (eal_log.first_error[0] == '\0') {
			memcpy(eal_log.first_error, buf, len);
			eal_log.first_error[len] = '\0';
		}
		rte_spinlock_unlock(&eal_log.lock);
	}
	(void)sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
	return n;
}

int
ipvd_log_to(int fd)
{
	cookie_io_functions_t io = {.write = log_write};
	FILE *f = fopencookie((void *)(intptr_t)fd, "w", io);

	if (f == NULL)
		return -errno;
	return rte_openlog_stream(f);
}

void
ipvd_first_error(char *buf, size_t n)
{
	rte_spinlock_lock(&eal_log.lock);
	snprintf(buf, n, "%s", eal_log.first_error);
	rte_spinlock_unlock(&eal_log.lock);
}

void
ipvd_forget_error(void)
{
	rte_spinlock_lock(&eal_log.lock);
	eal_log.first_error[0] = '\0';
	rte_spinlock_unlock(&eal_log.lock);
}

/* Gives the number of arguments that the EAL took, its own name not counted. */
int
ipvd_eal_start(int argc, char **argv)
{
	int n = rte_eal_init(argc, argv);

	if (n < 0)
		return -rte_errno;
	ipvd_quiet_xdp();
	return n;
}

int
ipvd_mbuf_offset(const char *field)
{
#define FIELD(f) {#f, offsetof(struct rte_mbuf, f)}
	static const struct {
		const char *name;
		int offset;
	} fields[] = {
		FIELD(buf_addr), FIELD(data_off), FIELD(refcnt), FIELD(nb_segs),
		FIELD(port), FIELD(ol_flags), FIELD(packet_type), FIELD(pkt_len),
		FIELD(data_len), FIELD(vlan_tci), FIELD(hash), FIELD(buf_len),
		FIELD(pool), FIELD(next), FIELD(tx_offload),
	};
#undef FIELD
	for (size_t i = 0; i < RTE_DIM(fields); i++)
		if (strcmp(fields[i].name, field) == 0)
			return fields[i].offset;
	return -1;
}

/* Makes a field and a flag of every mbuf ours: where pmd.Mbuf has them. */
int
ipvd_reserve(size_t offset, size_t size, unsigned int bit)
{
	const struct rte_mbuf_dynfield field = {.name = "ipvd_vnet", .size = size, .align = 2};
	const struct rte_mbuf_dynflag flag = {.name = "ipvd_offload"};

	if (rte_mbuf_dynfield_register_offset(&field, offset) < 0 ||
	    rte_mbuf_dynflag_register_bitnum(&flag, bit) < 0)
		return -rte_errno;
	return 0;
}

/* Without an lcore id a thread has no cache in any pool, and each allocation
 * goes through the pool's shared ring. */
int
ipvd_register(void)
{
	if (rte_lcore_id() != LCORE_ID_ANY)
		return -EEXIST;
	if (rte_thread_register() != 0)
		return -rte_errno;
	return rte_lcore_id() == LCORE_ID_ANY ? -ENOSPC : 0;
}

void
ipvd_unregister(void)
{
	rte_thread_unregister();
}

int
ipvd_pool_create(struct rte_mempool **out, const char *name, uint32_t n, uint32_t cache, uint16_t room, int socket)
{
	*out = rte_pktmbuf_pool_create(name, n, cache, 0, room, socket);
	return *out == NULL ? -rte_errno : 0;
}

/* Memory that a pool's objects take, without the slack at page ends. */
uint64_t
ipvd_pool_bytes(uint32_t n, uint16_t room)
{
	struct rte_mempool_objsz size;

	return (uint64_t)n * rte_mempool_calc_obj_size(sizeof(struct rte_mbuf) + room, 0, &size);
}

/* Size of the heaps of all sockets, and what is unused of them. */
uint64_t
ipvd_heap_bytes(uint64_t *unused)
{
	uint64_t total = 0;

	*unused = 0;
	for (unsigned int i = 0; i < rte_socket_count(); i++) {
		struct rte_malloc_socket_stats st;

		if (rte_malloc_get_socket_stats(rte_socket_id_by_idx(i), &st) != 0)
			continue;
		total += st.heap_totalsz_bytes;
		*unused += st.heap_freesz_bytes;
	}
	return total;
}
