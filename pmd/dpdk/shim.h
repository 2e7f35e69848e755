/* What Go calls of DPDK: the data path in one call (exchange.c), and thin
 * wrappers of static inlines and of structures that cgo cannot read
 * (eal.c, device.c). */
#ifndef IPVD_SHIM_H
#define IPVD_SHIM_H

#include <stddef.h>
#include <stdint.h>
#include <rte_spinlock.h>

struct rte_mbuf;
struct rte_mempool;

/* Packets that are sent at once when they cannot be taken as they lie. */
#define IPVD_CHUNK 64

/* Same layout as pmd.Seg. */
struct ipvd_seg {
	uint32_t slot, off, n, bytes;
};

/* A queue and its counters. One cache line or two each, so that workers do not
 * share lines; the counters are written by the worker that uses the queue (or
 * under the lock) and read by anybody. */
struct ipvd_rxq {
	uint64_t packets, bytes;
	uint16_t port, queue;
} __attribute__((aligned(64)));

struct ipvd_txq {
	uint64_t packets, bytes, full, too_big;
	uint64_t untaken; /* offered to the driver and not taken, each attempt */
	uint64_t refused; /* with offloads that the driver cannot do after all */
	uint32_t max_frame;
	uint16_t max_segs;
	uint16_t port, queue;
	rte_spinlock_t lock;
} __attribute__((aligned(64)));

struct ipvd_rxslot {
	struct ipvd_rxq *q;
	uint32_t burst;
	uint32_t metered; /* the worker counts the bytes */
};

/* With the queue's numbers beside: what is sent need not wait for the line that
 * has the counters. */
struct ipvd_txslot {
	struct ipvd_txq *q;
	uint32_t shared;
	uint16_t port, queue;
};

/* A worker's packet memory: the arrays behind a pmd.Vector. */
struct ipvd_vector {
	struct rte_mbuf **pkts, **free, **stock;
	uint64_t *sums; /* scratch of npkts + 1 */
	uint32_t npkts, nfree, nstock; /* lengths of the arrays */
	struct rte_mempool *pool;
};

/* A poll set. Of one worker. */
struct ipvd_set {
	struct ipvd_vector *v;
	struct ipvd_rxslot *rx;
	struct ipvd_txslot *tx;
	struct ipvd_seg *rxsegs, *txsegs;
	uint32_t nrx, ntx;
	uint32_t next;  /* RX slot that the next exchange asks first */
	uint32_t max_frame, max_segs; /* what every TX queue can send */
	uint64_t calls; /* exchanges so far */
	/* results of an exchange */
	uint32_t pkts, segs, stock;
	struct rte_mbuf *out[IPVD_CHUNK]; /* for ipvd_send */
};

void ipvd_exchange(uintptr_t set, uint32_t txsegs, uint32_t pkts, uint32_t nfree, uint32_t stock);
void ipvd_flush(struct ipvd_set *s, uint32_t txsegs, uint32_t nfree);
void ipvd_send(struct ipvd_set *s, uint32_t slot, uint32_t n);
uint32_t ipvd_restock(struct ipvd_vector *v, uint32_t have);
void ipvd_free(struct rte_mbuf **m, uint32_t n);
void *ipvd_zalloc(size_t n);

/* eal.c */
int ipvd_log_to(int fd);
void ipvd_first_error(char *buf, size_t n);
void ipvd_forget_error(void);
int ipvd_eal_start(int argc, char **argv);
int ipvd_mbuf_offset(const char *field);
int ipvd_reserve(size_t offset, size_t size, unsigned int bit);
int ipvd_register(void);
void ipvd_unregister(void);
int ipvd_pool_create(struct rte_mempool **out, const char *name, uint32_t n, uint32_t cache, uint16_t room, int socket);
uint64_t ipvd_pool_bytes(uint32_t n, uint16_t room);
uint64_t ipvd_heap_bytes(uint64_t *unused);

/* telemetry.c */
struct rte_tel_data;
int ipvd_telemetry_register(const char *command, const char *help);
int ipvd_telemetry_number(struct rte_tel_data *out, const char *name, uint64_t n);

/* device.c */
struct ipvd_info {
	char driver[64];
	char device[64];
	uint8_t mac[6];
	uint16_t mtu, max_mtu;
	uint16_t max_rxq, max_txq;
	uint16_t max_segs;
	uint8_t checksum, tso, uso, header_sum; /* what it can do on transmit */
	uint8_t rss; /* spreads what it receives over queues by a hash */
	uint32_t max_rx_pktlen;
	uint32_t if_index;
	int socket;
};

struct ipvd_conf {
	uint16_t rxq, txq;
	uint16_t rxdesc, txdesc;
	uint16_t mtu;     /* 0: leave it */
	uint32_t room;    /* data room of the pool */
	int socket;
	struct rte_mempool *pool;
	int *gone;        /* set to 1 when the device is removed */
	int interrupts;   /* configure RX interrupts */
	uint16_t rss_key; /* bytes of its RSS key, if the driver does not say */
	int symmetric;    /* out: both directions of a flow come to one queue */
	int rx_checksum;  /* have checksums verified if the device can */
	uint64_t tx_offloads; /* that are used if the device has them */
	int xdp;          /* look for AF_XDP sockets */
	int xdp_fd[64];   /* out: of each of the first RX queues, or -1 */
	const char *step; /* out: what failed */
};

/* AF_XDP sockets: of all ports that a process can have, and more. */
#define IPVD_SOCKETS 1024

struct ipvd_sockets {
	int fd[IPVD_SOCKETS];
	int n;
};

int ipvd_max_ports(void);
int ipvd_count_ports(void);
int ipvd_devargs_name(const char *devargs, char *out, size_t n);
int ipvd_find(const char *name);
int ipvd_probe(const char *devargs);
uint64_t ipvd_tx_offloads(int checksum, int tso, int uso);
int ipvd_get_info(uint16_t port, struct ipvd_info *out);
int ipvd_configure(uint16_t port, struct ipvd_conf *c);
int ipvd_remove(uint16_t port, int *gone);
void ipvd_drain_tx(uint16_t port, uint16_t queues);
void ipvd_drain_rx(uint16_t port, uint16_t queues);
int ipvd_stats(uint16_t port, uint64_t out[4]);
int ipvd_link_up(uint16_t port);
int ipvd_set_mac(uint16_t port, const uint8_t mac[6]);
int ipvd_set_promiscuous(uint16_t port, int on);
int ipvd_set_allmulticast(uint16_t port, int on);
int ipvd_set_multicast(uint16_t port, const uint8_t *macs, uint32_t n);
int ipvd_stop(uint16_t port);

/* wait.c */
int ipvd_new_xdp_socket(struct ipvd_sockets *s);
int ipvd_interrupt_open(uint16_t port, uint16_t queue);
void ipvd_interrupt_close(uint16_t port, uint16_t queue, int epfd);
void ipvd_interrupt_arm(const struct ipvd_rxq *q);
void ipvd_interrupt_disarm(const struct ipvd_rxq *q, int epfd);

/* xdp.c */
void ipvd_quiet_xdp(void);
int ipvd_xdp_refused(void);

#endif
