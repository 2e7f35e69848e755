/*
 * Preloaded into linux.uml: sets the extended registers of a process whole.
 *
 * User-mode Linux 6.1 has 2696 bytes for them. On CPUs with AMX the kernel
 * wants all 11 KiB, and answers less with EFAULT. So the bytes that are missing
 * are read first and written back unchanged.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef NT_X86_XSTATE
#define NT_X86_XSTATE 0x202
#endif

static char whole[1 << 16] __attribute__((aligned(64)));

static long set_xstate(long pid, struct iovec *part)
{
	struct iovec all = { whole, sizeof whole };

	if (syscall(SYS_ptrace, PTRACE_GETREGSET, pid, NT_X86_XSTATE, &all) < 0 || all.iov_len <= part->iov_len)
		return syscall(SYS_ptrace, PTRACE_SETREGSET, pid, NT_X86_XSTATE, part);
	memcpy(whole, part->iov_base, part->iov_len);
	return syscall(SYS_ptrace, PTRACE_SETREGSET, pid, NT_X86_XSTATE, &all);
}

long ptrace(enum __ptrace_request request, ...)
{
	va_list ap;
	long pid, word, status;
	void *addr, *data;

	va_start(ap, request);
	pid = va_arg(ap, pid_t);
	addr = va_arg(ap, void *);
	data = va_arg(ap, void *);
	va_end(ap);
	switch (request) {
	case PTRACE_SETREGSET:
		if ((long)addr == NT_X86_XSTATE)
			return set_xstate(pid, data);
		break;
	case PTRACE_PEEKTEXT:
	case PTRACE_PEEKDATA:
	case PTRACE_PEEKUSER: /* the C library's ptrace returns the word */
		status = syscall(SYS_ptrace, request, pid, addr, &word);
		if (status < 0)
			return -1;
		errno = 0;
		return word;
	default:
		break;
	}
	return syscall(SYS_ptrace, request, pid, addr, data);
}
