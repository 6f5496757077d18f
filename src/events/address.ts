import { BlockList, isIPv6 } from "node:net";

/** What of the global unicast addresses is for no host of the public internet. */
const RESERVED: readonly (readonly [network: string, prefix: number, family: "ipv4" | "ipv6"])[] = [
  // "This network", private networks, carriers' own, this machine, and those that a link gives itself.
  ["0.0.0.0", 8, "ipv4"],
  ["10.0.0.0", 8, "ipv4"],
  ["100.64.0.0", 10, "ipv4"],
  ["127.0.0.0", 8, "ipv4"],
  ["169.254.0.0", 16, "ipv4"],
  ["172.16.0.0", 12, "ipv4"],
  ["192.168.0.0", 16, "ipv4"],
  // Protocols, documentation, relays, benchmarks.
  ["192.0.0.0", 24, "ipv4"],
  ["192.0.2.0", 24, "ipv4"],
  ["192.88.99.0", 24, "ipv4"],
  ["198.18.0.0", 15, "ipv4"],
  ["198.51.100.0", 24, "ipv4"],
  ["203.0.113.0", 24, "ipv4"],
  // Groups, and what is kept for later, with the broadcast address.
  ["224.0.0.0", 4, "ipv4"],
  ["240.0.0.0", 4, "ipv4"],
  // Protocols, tunnels that lead to any IPv4 address, documentation.
  ["2001::", 23, "ipv6"],
  ["2001:db8::", 32, "ipv6"],
  ["2002::", 16, "ipv6"],
  ["3fff::", 20, "ipv6"],
];

const reserved = new BlockList();
for (const rule of RESERVED) reserved.addSubnet(...rule);

const globalUnicast = new BlockList();
globalUnicast.addSubnet("2000::", 3, "ipv6");

/**
 * Whether an IP address is one of the public internet. Of IPv6 only global unicast is: neither this machine nor its links,
 * nor any form that an IPv4 address can take in it.
 *
 * Source: the special-purpose address registries of IANA
 */
export function isPublic(address: string): boolean {
  if (!isIPv6(address)) return !reserved.check(address, "ipv4");
  return globalUnicast.check(address, "ipv6") && !reserved.check(address, "ipv6");
}
