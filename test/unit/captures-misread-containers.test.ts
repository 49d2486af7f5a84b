import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { factsOf, places, read } from './read-text';

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
