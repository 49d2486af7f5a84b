import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { whereIs } from '../../server/src/walk/start';
import { factsOf, places, read } from './read-text';
import { networkOf } from './walk-fixture';

describe('addresses of containers', () => {
  const owners = (text: string) =>
    factsOf(text, 'address-owner').map(({ name, ip, mac, of }) => [name.value, ip.value, mac?.value, of?.value]);
  const WEB = ['web', '172.19.0.2', '02:42:ac:13:00:02', 'front'];
  const ID = '8d63c87c6c971304bc32997523bbeb06c81ebaedef2f988b605f276c77cc0971';
  const CONTAINERS = `"${ID}": {
"Name": "web",
"EndpointID": "a26bc5df",
"MacAddress": "02:42:ac:13:00:02",
"IPv4Address": "172.19.0.2/16",
"IPv6Address": ""
}
`;

  it('stand in a part of an output, whose network the command names', () => {
    assert.deepEqual(owners(`jo@pc:~/img$ docker network inspect front \n\n..."Containers": {\n${CONTAINERS}},\n`), [WEB]);
    const two = `$ docker network inspect front back\n"Containers": {\n${CONTAINERS}},\n`;
    assert.deepEqual(owners(two), [[...WEB.slice(0, 3), undefined]]);
  });

  it('are what was asked for alone', () => {
    for (const command of [
      "docker network inspect --format='{{json .Containers}}' front | python -m json.tool",
      "docker network inspect front -f '{{ json .Containers }}' | jq .",
    ])
      assert.deepEqual(owners(`$ ${command}\n{\n${CONTAINERS}}\n`), [WEB], command);
    assert.deepEqual(owners(`$ docker network inspect front -f '{{range .Containers}}{{.Name}}{{end}}'\nweb\n`), []);
  });

  it('are found without the command, in a quotation and below a heading that folds them away', () => {
    const whole = `[\n    {\n        "Name": "front",\n        "Id": "${ID}",\n        "Containers": {\n${CONTAINERS}        }\n    }\n]\n`;
    assert.deepEqual(owners(whole.replaceAll(/^/gm, '> ')), [WEB]);
    const folded = `$ docker network inspect front\n\`\`\`\n\n<details><summary>Result</summary>\n\n\`\`\`\n${whole}`;
    assert.deepEqual(owners(folded), [WEB]);
    assert.equal(read(folded).captures[0]?.elided, false);
  });

  it('are written in another way by podman', () => {
    const text = `$ podman network inspect n1
[
     {
          "name": "n1",
          "network_interface": "podman1",
          "containers": {
               "7c0d295779ce": {
                    "name": "c2",
                    "interfaces": {
                         "eth0": {
                              "subnets": [
                                   { "ipnet": "10.89.0.4/24", "gateway": "10.89.0.1" },
                                   { "ipnet": "fda3:b4da:da1e::4/64", "gateway": "fda3:b4da:da1e::1" }
                              ],
                              "mac_address": "1a:bd:ca:ea:4b:3a"
                         }
                    }
               }
          }
     }
]
`;
    assert.deepEqual(owners(text), [
      ['c2', '10.89.0.4', '1a:bd:ca:ea:4b:3a', 'n1'],
      ['c2', 'fda3:b4da:da1e::4', '1a:bd:ca:ea:4b:3a', 'n1'],
    ]);
  });

  it('are all that a format prints, of one container or of each with its name', () => {
    const of = (text: string) => owners(text).map(([name, ip]) => [name, ip]);
    for (const command of [
      "docker inspect -f '{{range.NetworkSettings.Networks}}{{.IPAddress}}{{end}}' web",
      'docker inspect --format="{{ .NetworkSettings.IPAddress }}" web',
      "docker container inspect -f '{{.NetworkSettings.Networks.front.IPAddress}}' web",
    ])
      assert.deepEqual(of(`$ ${command}\n172.17.0.4\n`), [['web', '172.17.0.4']], command);
    const each =
      "$ docker inspect -f '{{.Name}} - {{.NetworkSettings.IPAddress }}' $(docker ps -aq)\n/web - 172.17.0.2\n/off - \n/db - 172.17.0.3\n";
    assert.deepEqual(of(each), [
      ['web', '172.17.0.2'],
      ['db', '172.17.0.3'],
    ]);
    places(each);
    // Of two containers nothing tells which address is whose, and other formats print something else.
    assert.deepEqual(of("$ docker inspect -f '{{.NetworkSettings.IPAddress}}' a b\n172.17.0.4\n172.17.0.5\n"), []);
    assert.deepEqual(of("$ docker inspect -f '{{.State.Pid}}' web\n172\n"), []);
  });

  it('are known of a container that the command names, where only its networks were left', () => {
    const text =
      '$ docker inspect web\n<snip>\n  "Networks": {\n    "bridge": {\n      "MacAddress": "02:42:ac:11:00:04",\n      "IPAddress": "172.17.0.4",\n      "DNSNames": null\n    }\n  }\n<snip>\n';
    assert.deepEqual(owners(text), [['web', '172.17.0.4', '02:42:ac:11:00:04', undefined]]);
  });

  it('of a pod stand in a table, or are several', () => {
    const table = `[root@w1 ~]# crictl inspectp --output table a1a964ab46b50
ID: a1a964ab46b50f3d8d503ddcf93c8076
Name: nginx
Namespace: default
Status: SANDBOX_READY
IP Addresses: 10.88.0.4,fd00::4
Labels:
	group -> test
[root@w1 ~]# true
`;
    assert.deepEqual(owners(table), [
      ['nginx', '10.88.0.4', undefined, 'default'],
      ['nginx', 'fd00::4', undefined, 'default'],
    ]);
    places(table);
    const json = `$ crictl inspectp a1a9
{
  "status": {
    "metadata": { "name": "nginx", "namespace": "default" },
    "network": { "additionalIps": [ { "ip": "fd00::4" } ], "ip": "10.88.0.4" }
  }
}
`;
    assert.deepEqual(
      owners(json).map(([, ip]) => ip),
      ['10.88.0.4', 'fd00::4'],
    );
  });
});

describe('tables of the container runtime', () => {
  it('have other titles in old versions', () => {
    const text = `# crictl ps
CONTAINER ID                                                       CREATED             STATE               NAME
0a2c761303163f2acaaeaee07d2ba143ee4cea7e3bde3d32190e2a36525c8a05   1 minutes ago       CONTAINER_CREATED   busybox
`;
    assert.deepEqual(places(text), [['crictl-ps', undefined, undefined]]);
    const [object] = factsOf(text, 'runtime-object');
    assert.deepEqual([object?.name.value, object?.state?.value], ['busybox', 'CONTAINER_CREATED']);
  });

  it('come from a machine that was asked from outside, and end at a prompt of SUSE', () => {
    const table = `POD ID              CREATED              STATE               NAME                NAMESPACE           ATTEMPT
f7a62ac75d1ae       42 seconds ago       Ready               trace               hw09                0
`;
    assert.deepEqual(places(`minikube ssh "sudo crictl pods --namespace hw09"\n\n${table}`), [
      ['crictl-pods', 'minikube', undefined],
    ]);
    assert.deepEqual(places(`jo@w6:~> sudo crictl pods\n${table}jo@w6:~>\n`), [['crictl-pods', 'w6', undefined]]);
  });
});

describe('objects of Kubernetes', () => {
  const owners = (text: string) =>
    factsOf(text, 'address-owner').map(({ what, name, ip, mac, node, of }) =>
      [what, name.value, ip.value, mac?.value, node?.value, of?.value].filter((part) => part !== undefined).join(' '),
    );
  const POD = `apiVersion: v1
kind: Pod
metadata:
  annotations:
    ovn.kubernetes.io/ip_address: 10.244.2.9,fd00::9
    ovn.kubernetes.io/mac_address: 00:00:00:14:88:09
    lan.default.kubernetes.io/ip_address: 172.18.0.18
    note: |
      name: other
  name: web-1
  namespace: shop
spec:
  containers:
  - args:
    - -v
    name: web
  nodeName: w2
status:
  message: 'not ready: [web]'
  hostIP: 192.168.5.12
  podIP: 10.244.2.9
  podIPs:
  - ip: 10.244.2.9
  - ip: fd00::9
`;

  it('say in YAML who has an address', () => {
    const text = `jo@m1:~$ kubectl get pod web-1 -n shop -o yaml\n${POD}jo@m1:~$ true\n`;
    assert.deepEqual(places(text), [['kubectl-get-objects', 'm1', undefined]]);
    const both = [
      'pod web-1 10.244.2.9 00:00:00:14:88:09 w2 shop',
      'pod web-1 fd00::9 00:00:00:14:88:09 w2 shop',
      'pod web-1 172.18.0.18 w2 shop',
    ];
    assert.deepEqual(owners(text), both);
    const shortened = '$ kubectl get -o yaml pod/web-1\nmetadata:\n  annotations: {}\n...\nstatus:\n  podIP: 10.244.2.9\n';
    assert.deepEqual(owners(shortened), ['pod web-1 10.244.2.9']);
    const [fact] = factsOf(text, 'address-owner');
    assert.equal(fact && text.slice(fact.ip.span.start, fact.ip.span.end), '10.244.2.9');
    const list = `$ kubectl get po -oyaml\napiVersion: v1\nitems:\n- ${POD.trimEnd().replaceAll('\n', '\n  ')}\nkind: List\n`;
    assert.deepEqual(owners(list), both);
  });

  it('say it of services, of endpoints with their pods or without, and of nodes', () => {
    const yaml = `$ kubectl -n shop get svc,ep --output=yaml
items:
- kind: Service
  metadata:
    name: web
  spec:
    clusterIP: 10.96.4.4
    clusterIPs:
    - 10.96.4.4
  status:
    loadBalancer:
      ingress:
      - ip: 203.0.113.9
- kind: Service
  metadata:
    name: headless
  spec:
    clusterIP: None
- kind: Endpoints
  metadata:
    name: web
  subsets:
  - addresses:
    - ip: 10.244.2.9
      nodeName: w2
      targetRef:
        kind: Pod
        name: web-1
    - ip: 172.30.0.9
`;
    assert.deepEqual(owners(yaml), [
      'service web 10.96.4.4',
      'service web 203.0.113.9',
      'pod web-1 10.244.2.9 w2',
      'endpoint web 172.30.0.9',
    ]);
    const json = `$ kubectl get node w2 -o json
{
    "kind": "Node",
    "metadata": { "name": "w2" },
    "status": { "addresses": [ { "address": "192.168.5.12", "type": "InternalIP" }, { "address": "w2", "type": "Hostname" } ] }
}
`;
    assert.deepEqual(owners(json), ['node w2 192.168.5.12']);
  });

  it('have endpoints in tables', () => {
    const text = `$ kubectl get endpoints -A
NAMESPACE     NAME       ENDPOINTS                                      AGE
kube-system   kube-dns   10.244.0.5:53,[fd00::6]:53 + 3 more...         7d
web           none       <none>                                         1d

NAME          ADDRESSTYPE   PORTS   ENDPOINTS               AGE
web-x5k2j     IPv6          80      10.244.1.7,fd00::1:2    17m
`;
    assert.deepEqual(owners(text), [
      'endpoint kube-dns 10.244.0.5 kube-system',
      'endpoint kube-dns fd00::6 kube-system',
      'endpoint web-x5k2j 10.244.1.7',
      'endpoint web-x5k2j fd00::1:2',
    ]);
    assert.deepEqual(
      places(text).map(([kind]) => kind),
      ['kubectl-get-endpoints'],
    );
  });

  it('are described with their addresses, in sections below their titles', () => {
    const text = `root@m1:~# kubectl describe pod web-1 --namespace shop
Name:             web-1
Namespace:        shop
Priority:         0
Node:             w2/192.168.1.20
Labels:           app=web
                  hash=667fb997fb
Status:           Running
IP:               10.244.1.2
IPs:
  IP:           10.244.1.2
  IP:           fd00::2
Controlled By:  ReplicaSet/web
Containers:
  web:
    Port:           80/TCP
    Args:
      IP: 10.9.9.9
Events:           <none>


Name:              web
Namespace:         shop
Labels:            <none>
Selector:          app=web
Type:              LoadBalancer
IP:                10.96.4.4
IPs:               10.96.4.4,fd00:96::4
LoadBalancer Ingress:  203.0.113.9
Port:              http  80/TCP
Endpoints:         10.244.1.2:80,[fd00::2]:80
root@m1:~# kubectl describe node w2
Name:               w2
Roles:              <none>
Addresses:
  InternalIP:  192.168.1.20
  Hostname:    w2
Capacity:
  cpu:  4
`;
    assert.deepEqual(places(text), [
      ['kubectl-describe', 'm1', undefined],
      ['kubectl-describe', 'm1', undefined],
    ]);
    assert.deepEqual(owners(text), [
      'pod web-1 10.244.1.2 w2 shop',
      'pod web-1 fd00::2 w2 shop',
      'service web 10.96.4.4 shop',
      'service web fd00:96::4 shop',
      'service web 203.0.113.9 shop',
      'endpoint web 10.244.1.2 shop',
      'endpoint web fd00::2 shop',
      'node w2 192.168.1.20',
    ]);
    const [, second] = factsOf(text, 'address-owner');
    assert.equal(second && text.slice(second.ip.span.start, second.ip.span.end), 'fd00::2');
    const alone = text.slice(text.indexOf('Name: '), text.indexOf('Events:'));
    assert.deepEqual(owners(`It says:\n${alone}`), owners(text).slice(0, 2));
    assert.deepEqual(read('Name:  Joe\nNamespace:  mine\nand so on\n').captures, []);
  });

  it('give no address to the name of a service, which has many', () => {
    const text = `$ kubectl get ep\nNAME   ENDPOINTS       AGE\nweb    10.0.0.9:80     1d\n$ ip -4 addr\n1: lo: <LOOPBACK,UP> mtu 65536\n    inet 127.0.0.1/8 scope host lo\n`;
    assert.equal(whereIs(networkOf(text), 'web'), undefined);
  });

  it('are like the container of an old Docker, which had one network', () => {
    const text = `$ docker inspect web
[
    {
        "Name": "/web",
        "NetworkSettings": { "Bridge": "docker0", "IPAddress": "172.17.0.5", "MacAddress": "02:42:ac:11:00:05" }
    }
]
`;
    assert.deepEqual(owners(text), ['container web 172.17.0.5 02:42:ac:11:00:05']);
  });
});
