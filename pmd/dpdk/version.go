package dpdk

/*
#include <rte_version.h>
*/
import "C"

import "strings"

// Version is that of the DPDK whose libraries the program runs with, such as
// "22.11.7": they may be newer than those that it was built with.
func Version() string {
	return strings.TrimPrefix(C.GoString(C.rte_version()), "DPDK ")
}
