/* The messages of libbpf and libxdp, which the AF_XDP driver brings along.
 * Their default is to write to standard error, also about what is not wrong. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <rte_common.h>
#include <rte_log.h>

#include "shim.h"

/* The kernel has refused an XDP program since ipvd_xdp_refused was called. */
static bool refused;

/* enum libbpf_print_level in bpf/libbpf.h, and the same in xdp/libxdp.h: 0 to 2
 * are warnings, information, debugging. What they warn of is often only that
 * they try something else next; whoever calls them reports what failed, but
 * only they know the kernel's reason (src/nlattr.c of libbpf). */
static int
print_log(int level, const char *format, va_list args)
{
	static const uint32_t levels[] = {RTE_LOG_NOTICE, RTE_LOG_INFO, RTE_LOG_DEBUG};

	if ((unsigned int)level >= RTE_DIM(levels))
		return 0;
	if (strstr(format, "Kernel error message") != NULL) {
		refused = true;
		return rte_vlog(RTE_LOG_ERR, RTE_LOGTYPE_PMD, format, args);
	}
	return rte_vlog(levels[level], RTE_LOGTYPE_PMD, format, args);
}

/* One device is attached at a time, in one thread. */
int
ipvd_xdp_refused(void)
{
	bool was = refused;

	refused = false;
	return was;
}

/* Libraries that no driver has loaded stay unloaded. */
void
ipvd_quiet_xdp(void)
{
	static const char *const libs[][2] = {
		{"libbpf.so.1", "libbpf_set_print"},
		{"libbpf.so.0", "libbpf_set_print"},
		{"libxdp.so.1", "libxdp_set_print"},
	};

	for (size_t i = 0; i < RTE_DIM(libs); i++) {
		void *lib = dlopen(libs[i][0], RTLD_LAZY | RTLD_NOLOAD);
		void *(*set_print)(int (*)(int, const char *, va_list));

		if (lib == NULL)
			continue;
		*(void **)&set_print = dlsym(lib, libs[i][1]);
		if (set_print != NULL)
			(void)set_print(print_log);
		dlclose(lib);
	}
}
