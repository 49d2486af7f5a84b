import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readDocument, type CaptureDocument } from '../../server/src/captures/document';

const read = (text: string): CaptureDocument => readDocument('file:///n', 'n.txt', text);

/** Kind, namespace, host, records and troubles of each capture. */
const captures = (text: string) =>
  read(text).captures.map(({ kind, host, namespace, records, errors }) => [kind, host, namespace, records, errors.length]);

const ROUTES = 'default via 172.17.0.1 dev eth0\n172.17.0.0/16 dev eth0 scope link  src 172.17.0.2\n';

describe('shells inside containers and namespaces', () => {
  it('answer for the container until they are left', () => {
    for (const [enter, prompt, leave] of [
      ['root@node1:~# docker exec -it web sh', '/ #', 'root@node1:~#'],
      ['root@node1:~# docker exec -ti web /bin/bash', 'root@0123456789ab:/#', 'root@node1:~#'],
      ['root@node1:~# kubectl exec -it web -- bash', 'root@web:/#', 'root@node1:~#'],
      ['root@node1:~# docker attach web', '/ #', 'root@node1:~#'],
      ['root@node1:~# docker run -it --name web busybox', '~ $', 'root@node1:~#'],
      ['[root@node1 ~]# ip netns exec web bash', '[root@node1 ~]#', '[root@node1 ~]# exit\n[root@node1 ~]#'],
      ['[root@node1 ~]# nsenter --net=/run/netns/web', '[root@node1 ~]#', 'exit\n[root@node1 ~]#'],
    ] as const)
      assert.deepEqual(
        captures(`${enter}\n${prompt} ip route\n${ROUTES}${prompt} \n${leave} ip r\n${ROUTES}`),
        [
          ['ip-route', 'node1', 'web', 2, 0],
          ['ip-route', 'node1', undefined, 2, 0],
        ],
        enter,
      );
  });

  it('are no reason to take another machine for the container', () => {
    assert.deepEqual(captures(`root@node1:~# docker exec -it web sh\n\nroot@node2:~# ip r\n${ROUTES}`), [
      ['ip-route', 'node2', undefined, 2, 0],
    ]);
    assert.deepEqual(captures(`# docker run -it --net=host --name web busybox sh\n/ # ip r\n${ROUTES}`)[0]?.[2], undefined);
  });
});

describe('what stands around captures in the source of a page', () => {
  it('ends and begins them', () => {
    for (const [before, behind] of [
      ['<pre><code>', '</code></pre>'],
      ['<pre>\n', '\n</pre>\n</li>'],
      ['{% highlight bash %}\n', '\n{% endhighlight %}'],
      ['{code:none}\n', '\n{code}'],
      ['[code]\n', '\n[/code]'],
      ['', '\n---'],
    ] as const) {
      const text = `${before}$ ip route\n${ROUTES.trimEnd()}${behind}\n如上所述，默认路由经过 eth0。\n`;
      assert.deepEqual(captures(text), [['ip-route', undefined, undefined, 2, 0]], before);
    }
  });

  it('is told from outputs in any script', () => {
    for (const prose of [
      '我们看到标准的部署在 compute node 上的 OVS，拥有两个网桥。',
      'Kết quả cấu hình thành công gắn NIC eth1 vào switch ảo br1 sẽ hiển thị như đoạn mã trên.',
      'ここでは eth0 から出ていくパケットのルーティングを確認します。',
      'Здесь видно, что маршрут по умолчанию проходит через eth0.',
    ])
      assert.deepEqual(captures(`# ip route\n${ROUTES}${prose}\n`), [['ip-route', undefined, undefined, 2, 0]], prose);
  });

  it('may be dots that stand for lines', () => {
    const [capture] = read(`# ip route\n${ROUTES}.\n.\n.\n10.0.0.0/8 via 172.17.0.9 dev eth0\n`).captures;
    assert.deepEqual([capture?.records, capture?.errors.length, capture?.elided], [3, 0, true]);
  });
});
