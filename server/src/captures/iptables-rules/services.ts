/** Ports of services that iptables, netstat and ss print by name: the usual entries of /etc/services, Debian's and Red Hat's. */
const NAMED =
  'echo 7, discard 9, systat 11, daytime 13, chargen 19, ftp-data 20, ftp 21, ssh 22, telnet 23, smtp 25, time 37, ' +
  'nameserver 42, whois 43, tacacs 49, domain 53, bootps 67, bootpc 68, tftp 69, gopher 70, finger 79, http 80, www 80, ' +
  'kerberos 88, kerberos-sec 88, iso-tsap 102, acr-nema 104, pop2 109, pop3 110, sunrpc 111, auth 113, ident 113, ' +
  'nntp 119, ntp 123, epmap 135, loc-srv 135, netbios-ns 137, netbios-dgm 138, netbios-ssn 139, imap 143, imap2 143, ' +
  'snmp 161, snmp-trap 162, snmptrap 162, xdmcp 177, bgp 179, irc 194, qmtp 209, imap3 220, ldap 389, mptn 397, ' +
  'svrloc 427, https 443, microsoft-ds 445, kpasswd 464, smtps 465, ssmtp 465, submissions 465, urd 465, isakmp 500, ' +
  'biff 512, exec 512, login 513, who 513, shell 514, syslog 514, printer 515, talk 517, ntalk 518, rip 520, route 520, ' +
  'router 520, ripng 521, klogin 543, kshell 544, dhcpv6-client 546, dhcpv6-server 547, rtsp 554, nntps 563, submission 587, ipp 631, ' +
  'ldaps 636, kerberos-adm 749, domain-s 853, rsync 873, rndc 953, ftps-data 989, ftps 990, telnets 992, imaps 993, ' +
  'pop3s 995, socks 1080, openvpn 1194, ms-sql-s 1433, ms-sql-m 1434, ncube-lm 1521, l2f 1701, l2tp 1701, pptp 1723, ' +
  'radius 1812, radius-acct 1813, ssdp 1900, hsrp 1985, cisco-sccp 2000, nfs 2049, radsec 2083, gtp-control 2123, ' +
  'gtp-user 2152, zookeeper 2181, docker 2375, docker-s 2376, swarm 2377, etcd-client 2379, etcd-server 2380, squid 3128, ' +
  'iscsi-target 3260, mysql 3306, ms-wbt-server 3389, distcc 3632, svn 3690, bfd-control 3784, bfd-echo 3785, epmd 4369, ' +
  'ipsec-nat-t 4500, vxlan 4789, commplex-main 5000, commplex-link 5001, sip 5060, sip-tls 5061, sips 5061, ' +
  'xmpp-client 5222, xmpp-server 5269, cfengine 5308, mdns 5353, llmnr 5355, wsdapi 5357, postgresql 5432, nrpe 5666, ' +
  'amqps 5671, amqp 5672, rfb 5900, vnc-server 5900, x11 6000, geneve 6081, redis 6379, syslog-tls 6514, ovsdb 6640, ' +
  'openflow 6653, ircd 6667, afs3-fileserver 7000, irdmi 8000, http-alt 8080, webcache 8080, puppet 8140, ' +
  'pcsync-https 8443, otv 8472, cslistener 9000, websm 9090, hp-pdl-datastr 9100, jetdirect 9100, bacula-dir 9101, ' +
  'bacula-fd 9102, bacula-sd 9103, armtechdaemon 9292, git 9418, ndmp 10000, webmin 10000, zabbix-agent 10050, ' +
  'zabbix-trapper 10051, memcache 11211, hkp 11371, mountd 20048, nfsrdma 20049, openstack-id 35357';

const PORTS: ReadonlyMap<string, number> = new Map(
  NAMED.split(', ').map((entry) => {
    const [name = '', port = ''] = entry.split(' ');
    return [name, Number(port)];
  }),
);

/** The port of a service by its name; undefined for a name that is not among the usual ones. */
export function servicePort(name: string): number | undefined {
  return PORTS.get(name);
}
