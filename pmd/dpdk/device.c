/* The life of an ethdev: found or probed, configured, started, removed. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_dev.h>
#include <rte_devargs.h>
#include <rte_ethdev.h>
#include <rte_mempool.h>

#include "shim.h"

int
ipvd_max_ports(void)
{
	return RTE_MAX_ETHPORTS;
}

int
ipvd_count_ports(void)
{
	return rte_eth_dev_count_total();
}

/* The device's name as its bus writes it: 04:00.0 becomes 0000:04:00.0. */
int
ipvd_devargs_name(const char *devargs, char *out, size_t n)
{
	struct rte_devargs da = {0};
	int ret = rte_devargs_parse(&da, devargs);

	/* `class=eth` parses without a bus, and crashes what probes it. */
	if (ret == 0 && (da.bus == NULL || da.name[0] == '\0'))
		ret = -EINVAL;
	if (ret == 0)
		snprintf(out, n, "%s", da.name);
	free(da.data);
	return ret;
}

/* The first port of the device; -1 if it has none. */
int
ipvd_find(const char *name)
{
	uint16_t port;

	RTE_ETH_FOREACH_DEV(port) {
		struct rte_eth_dev_info info;

		if (rte_eth_dev_info_get(port, &info) == 0 &&
		    strcmp(rte_dev_name(info.device), name) == 0)
			return port;
	}
	return -1;
}

int
ipvd_probe(const char *devargs)
{
	return rte_dev_probe(devargs);
}

/* A device that completes one of them only is treated as one that does none. */
#define CHECKSUMS (RTE_ETH_TX_OFFLOAD_TCP_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM)

static int
has(const struct rte_eth_dev_info *info, uint64_t offloads)
{
	return (info->tx_offload_capa & offloads) == offloads;
}

/* The offloads of DPDK behind those of pmd.Offloads. */
uint64_t
ipvd_tx_offloads(int checksum, int tso, int uso)
{
	return (checksum ? CHECKSUMS | RTE_ETH_TX_OFFLOAD_IPV4_CKSUM : 0) | (tso ? RTE_ETH_TX_OFFLOAD_TCP_TSO : 0) |
	       (uso ? RTE_ETH_TX_OFFLOAD_UDP_TSO : 0);
}

int
ipvd_get_info(uint16_t port, struct ipvd_info *out)
{
	struct rte_eth_dev_info info;
	struct rte_ether_addr mac;
	int ret = rte_eth_dev_info_get(port, &info);

	if (ret == 0)
		ret = rte_eth_macaddr_get(port, &mac);
	if (ret == 0)
		ret = rte_eth_dev_get_mtu(port, &out->mtu);
	if (ret != 0)
		return ret;
	snprintf(out->driver, sizeof(out->driver), "%s", info.driver_name);
	snprintf(out->device, sizeof(out->device), "%s", rte_dev_name(info.device));
	memcpy(out->mac, mac.addr_bytes, sizeof(out->mac));
	out->max_mtu = info.max_mtu;
	out->max_rxq = info.max_rx_queues;
	out->max_txq = info.max_tx_queues;
	out->max_rx_pktlen = info.max_rx_pktlen;
	out->if_index = info.if_index;
	out->socket = rte_eth_dev_socket_id(port);
	out->rss = info.flow_type_rss_offloads != 0;
	out->max_segs = 1;
	if (info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_MULTI_SEGS)
		out->max_segs = info.tx_desc_lim.nb_seg_max;
	out->checksum = has(&info, CHECKSUMS);
	out->tso = out->checksum && has(&info, RTE_ETH_TX_OFFLOAD_TCP_TSO);
	out->uso = out->checksum && has(&info, RTE_ETH_TX_OFFLOAD_UDP_TSO);
	out->header_sum = has(&info, RTE_ETH_TX_OFFLOAD_IPV4_CKSUM);
	return 0;
}

static int
on_removal(uint16_t port, enum rte_eth_event_type type, void *gone, void *ret)
{
	RTE_SET_USED(port);
	RTE_SET_USED(type);
	RTE_SET_USED(ret);
	__atomic_store_n((int *)gone, 1, __ATOMIC_RELAXED);
	return 0;
}

/* Toeplitz gives both directions of a flow one queue when its key repeats every
 * 16 bits, so that one worker sees both. */
static void
spread(struct rte_eth_conf *conf, struct ipvd_conf *c, const struct rte_eth_dev_info *info, uint8_t key[64])
{
	uint64_t hf = (RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP) & info->flow_type_rss_offloads;
	uint16_t size = info->hash_key_size > 0 ? info->hash_key_size : c->rss_key;

	if (hf == 0 || size > 64)
		return;
	for (int i = 0; i < 64; i++)
		key[i] = i % 2 == 0 ? 0x6d : 0x5a;
	conf->rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
	conf->rx_adv_conf.rss_conf.rss_hf = hf;
	if (size > 0) {
		conf->rx_adv_conf.rss_conf.rss_key = key;
		conf->rx_adv_conf.rss_conf.rss_key_len = size;
		c->symmetric = 1;
	}
}

/* Offloads that make more frames acceptable: scattered receive when one mbuf may
 * not hold a frame, and chains on transmit; and those that finish frames. Never
 * MBUF_FAST_FREE, which forbids references. The queues' defaults in info get
 * the same offloads. */
static int
configure(uint16_t port, struct ipvd_conf *c, struct rte_eth_dev_info *info)
{
	struct rte_eth_conf conf = {0};
	uint32_t mtu = c->mtu != 0 ? c->mtu : RTE_ETHER_MTU;
	uint8_t key[64];

	conf.rxmode.mtu = c->mtu;
	conf.txmode.offloads = info->tx_offload_capa & (RTE_ETH_TX_OFFLOAD_MULTI_SEGS | c->tx_offloads);
	if (c->rx_checksum)
		conf.rxmode.offloads = info->rx_offload_capa & RTE_ETH_RX_OFFLOAD_CHECKSUM;
	if (mtu + RTE_ETHER_HDR_LEN + 2 * RTE_VLAN_HLEN > c->room)
		conf.rxmode.offloads |= info->rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER;
	c->symmetric = 0;
	if (c->rxq > 1)
		spread(&conf, c, info, key);
	info->default_rxconf.offloads = conf.rxmode.offloads;
	info->default_txconf.offloads = conf.txmode.offloads;
	conf.intr_conf.rmv = (*info->dev_flags & RTE_ETH_DEV_INTR_RMV) != 0;
	conf.intr_conf.rxq = c->interrupts;
	return rte_eth_dev_configure(port, c->rxq, c->txq, &conf);
}

static int
set_up_queues(uint16_t port, struct ipvd_conf *c, const struct rte_eth_dev_info *info)
{
	struct ipvd_sockets sockets = {.n = 0};
	int ret = 0;

	if (c->xdp)
		(void)ipvd_new_xdp_socket(&sockets);
	for (uint16_t q = 0; ret == 0 && q < c->rxq; q++) {
		c->step = "set up RX queue";
		ret = rte_eth_rx_queue_setup(port, q, c->rxdesc, c->socket, &info->default_rxconf, c->pool);
		/* The socket that the driver opened meanwhile is this queue's. */
		if (ret == 0 && c->xdp && q < RTE_DIM(c->xdp_fd))
			c->xdp_fd[q] = ipvd_new_xdp_socket(&sockets);
	}
	for (uint16_t q = 0; ret == 0 && q < c->txq; q++) {
		c->step = "set up TX queue";
		ret = rte_eth_tx_queue_setup(port, q, c->txdesc, c->socket, &info->default_txconf);
	}
	return ret;
}

/* Configures and starts a port; on an error the port is left for ipvd_remove. */
int
ipvd_configure(uint16_t port, struct ipvd_conf *c)
{
	struct rte_eth_dev_info info;
	int ret;

	c->step = "get device info";
	ret = rte_eth_dev_info_get(port, &info);
	if (ret != 0)
		return ret;
	c->step = "configure";
	ret = configure(port, c, &info);
	if (ret != 0)
		return ret;
	c->step = "adjust descriptors";
	ret = rte_eth_dev_adjust_nb_rx_tx_desc(port, &c->rxdesc, &c->txdesc);
	if (ret == 0)
		ret = set_up_queues(port, c, &info);
	if (ret != 0)
		return ret;
	c->step = "set MTU";
	ret = c->mtu == 0 ? 0 : rte_eth_dev_set_mtu(port, c->mtu);
	if (ret != 0 && ret != -ENOTSUP)
		return ret;
	c->step = "watch for removal";
	ret = rte_eth_dev_callback_register(port, RTE_ETH_EVENT_INTR_RMV, on_removal, c->gone);
	if (ret != 0)
		return ret;
	c->step = "start";
	return rte_eth_dev_start(port);
}

/* Stops, closes and removes whatever of the port there is. */
int
ipvd_remove(uint16_t port, int *gone)
{
	struct rte_eth_dev_info info;
	int ret = rte_eth_dev_info_get(port, &info);
	int closed;

	if (ret != 0)
		return ret;
	rte_eth_dev_callback_unregister(port, RTE_ETH_EVENT_INTR_RMV, on_removal, gone);
	(void)rte_eth_dev_stop(port);
	closed = rte_eth_dev_close(port);
	ret = rte_dev_remove(info.device);
	return ret != 0 ? ret : closed;
}

/* Makes the driver give back what it has sent: an empty burst polls the
 * completions. Bounded, for a device that is down completes nothing. */
void
ipvd_drain_tx(uint16_t port, uint16_t queues)
{
	struct rte_mbuf *none[1] = {NULL};

	for (uint16_t q = 0; q < queues; q++)
		for (int i = 0; i < 64; i++)
			(void)rte_eth_tx_burst(port, q, none, 0);
}

/* Frees what would be received. Bounded, for somebody else may go on sending. */
void
ipvd_drain_rx(uint16_t port, uint16_t queues)
{
	struct rte_mbuf *m[64];

	for (uint16_t q = 0; q < queues; q++)
		for (int i = 0; i < 1024; i++) {
			uint16_t n = rte_eth_rx_burst(port, q, m, RTE_DIM(m));

			if (n == 0)
				break;
			rte_pktmbuf_free_bulk(m, n);
		}
}

int
ipvd_stats(uint16_t port, uint64_t out[4])
{
	struct rte_eth_stats st;
	int ret = rte_eth_stats_get(port, &st);

	if (ret == 0) {
		out[0] = st.imissed;
		out[1] = st.ierrors;
		out[2] = st.rx_nombuf;
		out[3] = st.oerrors;
	}
	return ret;
}

int
ipvd_link_up(uint16_t port)
{
	struct rte_eth_link link;
	int ret = rte_eth_link_get_nowait(port, &link);

	return ret == 0 && link.link_status == RTE_ETH_LINK_UP;
}

int
ipvd_set_mac(uint16_t port, const uint8_t mac[6])
{
	struct rte_ether_addr addr;

	memcpy(addr.addr_bytes, mac, sizeof(addr.addr_bytes));
	return rte_eth_dev_default_mac_addr_set(port, &addr);
}

int
ipvd_set_promiscuous(uint16_t port, int on)
{
	return on ? rte_eth_promiscuous_enable(port) : rte_eth_promiscuous_disable(port);
}

int
ipvd_set_allmulticast(uint16_t port, int on)
{
	return on ? rte_eth_allmulticast_enable(port) : rte_eth_allmulticast_disable(port);
}

/* n addresses of 6 bytes, one behind the other, replace those before. */
int
ipvd_set_multicast(uint16_t port, const uint8_t *macs, uint32_t n)
{
	/* struct rte_ether_addr is aligned to 2 bytes, which Go's memory is as well. */
	return rte_eth_dev_set_mc_addr_list(port, (struct rte_ether_addr *)(uintptr_t)macs, n);
}

int
ipvd_stop(uint16_t port)
{
	return rte_eth_dev_stop(port);
}
