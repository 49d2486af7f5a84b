import type { Sample } from './sample';

/** Of OpenStack, libvirt, Docker and Kubernetes. */
export const CLOUD_SAMPLES: readonly Sample[] = [
  [
    'kubectl get pods -o wide',
    ['NAME   READY   STATUS    RESTARTS   AGE   IP   NODE', 'web   1/1   Running   0   8d   10.0.0.9   a'],
  ],
  ['docker network inspect x', ['[ { "Name": "x", "Containers": { "a": { "Name": "w", "IPv4Address": "10.0.0.2/16" } } } ]']],
  [
    'openstack port list',
    [
      '+--------------------------------------+------+-------------------+------------------------------------------------+--------+',
      '| ID                                   | Name | MAC Address       | Fixed IP Addresses                             | Status |',
      "| 8c2ba6f1-98b0-4d44-a4cb-4b46c0f5ec9a | p    | fa:16:3e:81:36:c2 | ip_address='10.0.0.1', subnet_id='8c2ba6f1-98' | ACTIVE |",
    ],
  ],
  [
    'openstack server show x -f json',
    ['{"id": "8c2ba6f1-98b0-4d44-a4cb-4b46c0f5ec9a", "name": "x", "addresses": {"net": ["10.0.0.1"]}}'],
  ],
  ['openstack network list -f csv', ['"ID","Name","Subnets"', '"8c2ba6f1-98b0-4d44-a4cb-4b46c0f5ec9a","n","[\'a\']"']],
  [
    'virsh dumpxml vm',
    [
      "<domain type='kvm'>",
      '  <name>vm</name>',
      "  <interface type='bridge'>",
      "    <mac address='52:54:00:00:00:01'/>",
      "    <source bridge='br0'/>",
      "    <target dev='vnet0'/>",
      '  </interface>',
      '</domain>',
    ],
  ],
  [
    'virsh domiflist vm',
    [
      'Interface  Type       Source     Model       MAC',
      '-------------------------------------------------------',
      'vnet0      bridge     br0        virtio      52:54:00:00:00:01',
    ],
  ],
  [
    'virsh domifaddr vm',
    [
      ' Name       MAC address          Protocol     Address',
      '-------------------------------------------------------------------------------',
      ' vnet0      52:54:00:00:00:01    ipv4         192.168.122.5/24',
      ' -          -                    ipv6         2001:db8::5/64',
    ],
  ],
  [
    'virsh net-dhcp-leases default',
    [
      ' Expiry Time           MAC address         Protocol   IP address         Hostname   Client ID or DUID',
      '---------------------------------------------------------------------------------------------------',
      ' 2026-01-05 18:24:37   52:54:00:00:00:01   ipv4       192.168.122.5/24   web        01:52:54:00:00:00:01',
    ],
  ],
  [
    'virsh list --all',
    [
      ' Id    Name                           State',
      '----------------------------------------------------',
      ' 3     vm                             running',
      ' -     vm two                         shut off',
    ],
  ],
  ['virsh list --all', [' Id   Name   Status', '------------------------', ' 3    web    laufend', ' -    alt    ausgeschaltet']],
  [
    'virsh domiflist web',
    [' Schnittstelle Typ Quelle Modell MAC', '-------------------------', ' vnet0 bridge br0 virtio 52:54:00:00:00:01'],
  ],
  [
    'kubectl get all -o wide',
    [
      'NAME                READY   STATUS    RESTARTS   AGE   IP           NODE',
      'pod/web-0           1/1     Running   0          35s   10.244.1.2   node1',
      'NAME                TYPE        CLUSTER-IP    EXTERNAL-IP   PORT(S)   AGE   SELECTOR',
      'service/web         ClusterIP   10.100.0.1    <none>        443/TCP   46m   <none>',
      'NAME                DESIRED   CURRENT   AGE',
      'deployment/web      1         1         35s',
    ],
  ],
  [
    'kubectl get svc',
    ['NAME TYPE CLUSTER-IP EXTERNAL-IP PORT(S) AGE', 'web LoadBalancer 10.100.0.1 172.18.0.18 80:30056/TCP 107m'],
  ],
  [
    'crictl pods',
    [
      'POD ID              CREATED             STATE               NAME                NAMESPACE           ATTEMPT',
      '1f73f2d81bf98       9 days ago          Ready               web-1               default             0',
    ],
  ],
  ['kubectl get ep', ['NAME   ENDPOINTS                      AGE', 'web    10.244.1.2:80,[fd00::2]:80    3d']],
  [
    'kubectl get pod web-1 -o yaml',
    [
      ...[
        'kind: Pod',
        'metadata:',
        '  annotations:',
        '    ovn.kubernetes.io/ip_address: 10.244.2.9',
        '    note: |',
        '      a: b',
      ],
      ...['  name: web-1', 'spec:', '  containers:', '  - args:', '    - -v', '    name: "web"', '  nodeName: w2', 'status:'],
      ...["  message: 'not ready: [web]'", '  podIPs:', '  - ip: 10.244.2.9', '  - ip: fd00::9'],
    ],
  ],
  [
    'kubectl get svc web -o json',
    ['{', '  "metadata": { "name": "web" },', '  "spec": { "clusterIP": "10.96.4.4", "clusterIPs": [ "10.96.4.4" ] }', '}'],
  ],
  [
    'kubectl describe pod web-1',
    [
      ...['Name:             web-1', 'Namespace:        shop', 'Node:             w2/192.168.1.20', 'Labels:           app=web'],
      ...[
        '                  hash=66',
        'IP:               10.244.1.2',
        'IPs:',
        '  IP:           fd00::2',
        'Events:           <none>',
      ],
    ],
  ],
  ["docker inspect -f '{{.Name}} - {{.NetworkSettings.IPAddress}}' a b", ['/a - 172.17.0.2', '/b - ']],
  ['openstack port list -f csv --quote none', ['ID,MAC Address', "f1,fa:16:3e:00:00:01,['a'\\, 'b']"]],
];
