/* Commands of the telemetry socket that Go answers. */
#include <rte_telemetry.h>

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
