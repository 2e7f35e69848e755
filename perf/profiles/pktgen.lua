-- Scenarios of the README of this folder for Pktgen-DPDK: port 0 sends, port 1
-- counts. MAC, SCENARIO, RATE (percent of the line) and DURATION come from the
-- environment.
package.path = package.path .. ";?.lua;test/?.lua;app/?.lua;"
require "Pktgen"

local tx, rx = "0", "1"
local mac = os.getenv("MAC") or "02:00:00:00:00:01"
local scenario = os.getenv("SCENARIO") or "one"
local rate = tonumber(os.getenv("RATE") or "100")
local seconds = tonumber(os.getenv("DURATION") or "60")

local source = "198.18.0.1"
local first, last = "10.0.0.1", "10.0.3.254"
local sport, dport = 49152, 7

-- single sends one kind of frame.
local function single(size)
	pktgen.set_mac(tx, "dst", mac)
	pktgen.set_ipaddr(tx, "dst", first)
	pktgen.set_ipaddr(tx, "src", source .. "/15")
	pktgen.set_proto(tx, "udp")
	pktgen.set_type(tx, "ipv4")
	pktgen.set(tx, "sport", sport)
	pktgen.set(tx, "dport", dport)
	pktgen.set(tx, "size", size)
end

-- fixed makes a field of the range mode the same in all frames.
local function fixed(field, value, none)
	for _, what in ipairs({ "start", "min", "max" }) do
		pktgen.range[field](tx, what, value)
	end
	pktgen.range[field](tx, "inc", none)
end

-- many takes the destinations one after the other.
local function many(size)
	pktgen.range.dst_mac(tx, "start", mac)
	pktgen.range.dst_ip(tx, "start", first)
	pktgen.range.dst_ip(tx, "inc", "0.0.0.1")
	pktgen.range.dst_ip(tx, "min", first)
	pktgen.range.dst_ip(tx, "max", last)
	fixed("src_ip", source, "0.0.0.0")
	fixed("src_port", sport, 0)
	fixed("dst_port", dport, 0)
	fixed("pkt_size", size, 0)
	pktgen.range.ip_proto(tx, "udp")
	pktgen.set_range(tx, "on")
end

-- sequence repeats frames of the given sizes.
local function sequence(sizes)
	for i, size in ipairs(sizes) do
		pktgen.seqTable(i - 1, tx, {
			["eth_dst_addr"] = mac,
			["eth_src_addr"] = "02:00:00:00:00:fe",
			["ip_dst_addr"] = first,
			["ip_src_addr"] = source .. "/15",
			["sport"] = sport,
			["dport"] = dport,
			["ethType"] = "ipv4",
			["ipProto"] = "udp",
			["vlanid"] = 1,
			["pktSize"] = size,
			["gtpu_teid"] = 0,
		})
	end
	pktgen.set(tx, "seq_cnt", #sizes)
end

local start = {
	one = function() single(64) end,
	many = function() many(64) end,
	imix = function() sequence({ 64, 594, 64, 64, 594, 64, 1518, 64, 594, 64, 594, 64 }) end,
	-- Pktgen has no ARP in its sequences: it asks on its own beside the load, in
	-- ten requests a second.
	broadcast = function() single(64) end,
}

if not start[scenario] then
	error("SCENARIO=" .. scenario .. ": want one, many, imix or broadcast")
end
pktgen.set(tx, "count", 0)
pktgen.set(tx, "rate", rate)
start[scenario]()
pktgen.clr()
pktgen.start(tx)
for _ = 1, seconds * 10 do
	if scenario == "broadcast" then
		pktgen.send_arp(tx, "r")
	end
	pktgen.delay(100)
end
pktgen.stop(tx)
pktgen.delay(2000)
prints("portStats", pktgen.portStats(tx .. "," .. rx, "port"))
pktgen.quit()
