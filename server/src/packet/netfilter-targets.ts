/** Targets of iptables-extensions(8). */
const BUILT_IN_TARGETS = new Set(
  (
    'ACCEPT DROP RETURN QUEUE REJECT LOG DNAT SNAT MASQUERADE REDIRECT NETMAP MARK CONNMARK CT NOTRACK TPROXY TCPMSS TCPOPTSTRIP ' +
    'CHECKSUM CLASSIFY CLUSTERIP CONNSECMARK SECMARK DNPT SNPT DSCP TOS ECN HL TTL HMARK IDLETIMER LED NFLOG ULOG NFQUEUE RATEEST ' +
    'SET SYNPROXY TEE TRACE AUDIT MIRROR SAME BALANCE ROUTE'
  ).split(' '),
);

/** Whether a target ends or changes something itself; any other name is a chain. */
export function isBuiltInTarget(name: string): boolean {
  return BUILT_IN_TARGETS.has(name);
}
