/* Commands of the telemetry socket that Go answers. */
#include <rte_telemetry.h>
#include <rte_version.h>

#include "shim.h"

/* In telemetry.go. Called on DPDK's thread of the client, which is none of Go's. */
int ipvdTelemetry(char *command, char *param, struct rte_tel_data *out);

static int
answer(const char *command, const char *param, struct rte_tel_data *out)
{
	return ipvdTelemetry((char *)(uintptr_t)command, (char *)(uintptr_t)param, out);
}

int
ipvd_telemetry_register(const char *command, const char *help)
{
	return rte_telemetry_register_cmd(command, answer, help);
}

/* DPDK 23.03 has renamed it and is to drop the old name (deprecation notices of its
 * release notes). */
int
ipvd_telemetry_number(struct rte_tel_data *out, const char *name, uint64_t n)
{
#if RTE_VERSION >= RTE_VERSION_NUM(23, 3, 0, 0)
	return rte_tel_data_add_dict_uint(out, name, n);
#else
	return rte_tel_data_add_dict_u64(out, name, n);
#endif
}
