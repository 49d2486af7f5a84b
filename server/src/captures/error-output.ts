import { isErrorOutput as isComplaint } from './iproute-command';

/** What a command prints when it fails, in place of its output or between it. */
export function isErrorOutput(text: string): boolean {
  return (
    isComplaint(text) ||
    /^\s*(?:\d{4}-\d\d-\d\dT[\d:.]+Z\|\d+\|[\w()]+\|(?:WARN|ERR|EMER)\|)/.test(text) ||
    /^\s*(?:ovs-\w+|ovn-\w+|ip6?tables\S*|(?:eb|arp)tables\S*|ipset|conntrack|nft|crictl|brctl|virsh|bridge|nova|neutron|openstack|sudo|bash|sh|error|ERROR|RTNETLINK answers|Cannot open|Error|Device)\b[^|=]*(?:fail|cannot|can't|no such|not found|denied|unknown|refused|not permitted|does not exist|no bridge|unable|timed out)/i.test(
      text,
    )
  );
}
