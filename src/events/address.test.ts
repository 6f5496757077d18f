import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isPublic } from "./address.ts";

describe("isPublic()", () => {
  it("takes addresses on both sides of each reserved network", () => {
    const within = [
      "1.0.0.0 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0 169.253.255.255 169.255.0.0",
      "172.15.255.255 172.32.0.0 192.167.255.255 192.169.0.0 191.255.255.255 192.0.1.0 192.0.3.0 192.88.98.255 192.88.100.0",
      "198.17.255.255 198.20.0.0 198.51.99.255 198.51.101.0 203.0.112.255 203.0.114.0 223.255.255.255",
      "2000:: 2001:200:: 2001:db7:ffff:ffff:ffff:ffff:ffff:ffff 2001:db9:: 2003:: 2606:4700::1111 3ffe:ffff:: 3fff:1000::",
    ];
    for (const address of within.join(" ").split(" ")) assert.equal(isPublic(address), true, address);
  });

  it("refuses the first and the last of each", () => {
    const beyond = [
      "0.0.0.0 0.255.255.255 10.0.0.0 10.255.255.255 100.64.0.0 100.127.255.255 127.0.0.0 127.0.0.1 127.255.255.255",
      "169.254.0.0 169.254.169.254 169.254.255.255 172.16.0.0 172.31.255.255 192.168.0.0 192.168.255.255 192.0.0.0 192.0.0.255",
      "192.0.2.0 192.0.2.255 192.88.99.0 192.88.99.255 198.18.0.0 198.19.255.255 198.51.100.0 198.51.100.255 203.0.113.0",
      "203.0.113.255 224.0.0.0 239.255.255.255 240.0.0.0 255.255.255.255",
      ":: ::1 ::7f00:1 ::ffff:127.0.0.1 ::ffff:8.8.8.8 64:ff9b::7f00:1 100:: fc00:: fd00:ec2::254 fe80::1 fec0:: ff02::1 4000::",
      "1fff:ffff:: 2001:: 2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff 2001:db8:: 2001:db8:ffff:: 2002:: 2002:7f00:1:: 3fff:: 3fff:fff::",
    ];
    for (const address of beyond.join(" ").split(" ")) assert.equal(isPublic(address), false, address);
  });
});
