/* A relay between two TAPs that sleeps in epoll: what waking up costs at least. */
#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "cloop.h"

#define FRAME 2048

static int
watch(int epfd, int fd)
{
	struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};

	return epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &e);
}

/* Hands on all frames that from has. */
static int
hand_on(int from, int to, uint64_t *relayed)
{
	char frame[FRAME];
	ssize_t n;

	while ((n = read(from, frame, sizeof(frame))) > 0) {
		if (write(to, frame, n) != n)
			return errno;
		*relayed += 1;
	}
	return n < 0 && errno == EAGAIN ? 0 : errno;
}

/* Hands frames on until stop can be read. Gives an error number, or 0. */
int
cloop_relay(int from, int to, int stop, uint64_t *relayed)
{
	int epfd = epoll_create1(EPOLL_CLOEXEC), err = 0;

	if (epfd < 0)
		return errno;
	if (watch(epfd, from) != 0 || watch(epfd, stop) != 0)
		err = errno;
	while (err == 0) {
		struct epoll_event e;
		int n = epoll_wait(epfd, &e, 1, -1);

		if (n < 0 && errno != EINTR)
			err = errno;
		if (n > 0 && e.data.fd == stop)
			break;
		if (n > 0)
			err = hand_on(from, to, relayed);
	}
	close(epfd);
	return err;
}
