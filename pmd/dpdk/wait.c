/* What a worker can sleep on until a queue receives. */
#include <dirent.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <sys/epoll.h>

#include <rte_ethdev.h>
#include <rte_interrupts.h>

#include "shim.h"

static int
is_xdp_socket(int fd)
{
	int domain = 0;
	socklen_t len = sizeof(domain);

	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 && domain == AF_XDP;
}

static int
has(const struct ipvd_sockets *s, int fd)
{
	for (int i = 0; i < s->n; i++)
		if (s->fd[i] == fd)
			return 1;
	return 0;
}

/* Finds the AF_XDP sockets that are open and not in s, puts them there, and
 * gives the only one; -1 when there is none or there are several. */
int
ipvd_new_xdp_socket(struct ipvd_sockets *s)
{
	int found = -1, count = 0;
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *e;

	while (dir != NULL && (e = readdir(dir)) != NULL) {
		int fd = atoi(e->d_name);

		if (e->d_name[0] == '.' || !is_xdp_socket(fd) || has(s, fd))
			continue;
		if (s->n == IPVD_SOCKETS)
			count++; /* not remembered: the next one cannot be told from it */
		else
			s->fd[s->n++] = fd;
		found = fd;
		count++;
	}
	if (dir != NULL)
		closedir(dir);
	return count == 1 ? found : -1;
}

/* Gives an epoll descriptor that is readable when the queue's interrupt was
 * raised; -1 if the driver has none that can be switched. */
int
ipvd_interrupt_open(uint16_t port, uint16_t queue)
{
	int epfd = epoll_create1(EPOLL_CLOEXEC);

	if (epfd < 0)
		return -1;
	if (rte_eth_dev_rx_intr_ctl_q(port, queue, epfd, RTE_INTR_EVENT_ADD, NULL) == 0) {
		if (rte_eth_dev_rx_intr_disable(port, queue) == 0)
			return epfd;
		(void)rte_eth_dev_rx_intr_ctl_q(port, queue, epfd, RTE_INTR_EVENT_DEL, NULL);
	}
	close(epfd);
	return -1;
}

void
ipvd_interrupt_close(uint16_t port, uint16_t queue, int epfd)
{
	(void)rte_eth_dev_rx_intr_ctl_q(port, queue, epfd, RTE_INTR_EVENT_DEL, NULL);
	close(epfd);
}

void
ipvd_interrupt_arm(const struct ipvd_rxq *q)
{
	(void)rte_eth_dev_rx_intr_enable(q->port, q->queue);
}

/* rte_epoll_wait reads what the interrupt has written. */
void
ipvd_interrupt_disarm(const struct ipvd_rxq *q, int epfd)
{
	struct rte_epoll_event ev;

	(void)rte_eth_dev_rx_intr_disable(q->port, q->queue);
	(void)rte_epoll_wait(epfd, &ev, 1, 0);
}
