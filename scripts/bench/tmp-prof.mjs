import { dump } from './lib/dumps.mjs';
import { timed } from './lib/measure.mjs';
import { server } from './lib/server.mjs';
const { createService, hover, semanticTokens } = await server();
const size=Number(process.argv[2]??100000), kind=process.argv[3]??'ovn';
const uri='file:///dump';
const SHOW = `hv1# ovs-ofctl show br-int\n 1(patch-tun): addr:aa:00:00:00:00:01\n     config:     0\n     state:      0\n\n`;
const w=createService(); w.set(uri,'d.txt',SHOW+'hv1# ovs-ofctl dump-flows br-int\n'+dump('neutron',5000)); w.world();
const text = SHOW+'hv1# ovs-ofctl dump-flows br-int\n'+dump(kind,size);
console.log('len',text.length);
Buffer.byteLength(text,'latin1');
const s=createService();
const f = (n,r)=>{const t=timed(r);console.log(n.padEnd(24),t.wall.toFixed(1));return t.result};
f('preview',()=>s.preview(uri,'dump.txt',text));
f('world',()=>s.world());
f('tokens',()=>semanticTokens(s.world(),uri,0,60));
f('hover',()=>hover(s.world(),uri,SHOW.length+400));
f('set',()=>s.set(uri,'dump.txt',text));
f('world',()=>s.world());
f('hover',()=>hover(s.world(),uri,SHOW.length+400));
f('tokens',()=>semanticTokens(s.world(),uri,5000,5060));
const middle = text.indexOf('\n', Math.floor(text.length / 2)) + 1;
for (let n=0;n<4;n++){
const changed = `${text.slice(0, middle)} cookie=0x${n}, duration=1.0s, table=0, n_packets=0, n_bytes=0, priority=${n + 7},in_port=2 actions=drop\n${text.slice(middle)}`;
Buffer.byteLength(changed, 'latin1');
f('edit set',()=>s.set(uri,'dump.txt',changed)); f('edit world',()=>s.world());
f('hover',()=>hover(s.world(),uri,SHOW.length+400));
}
