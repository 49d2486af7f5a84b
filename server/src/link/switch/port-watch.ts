import type { OvsPort } from '../../model/ovs-bridge';
import type { Port } from '../../ofproto/switch';
import { parseMac } from '../../packet/address';
import type { Captured } from './captured';
import { isShown, map, text, type DbRow } from './rows';

/**
 * What watches a port, and whether it found that the port can carry nothing (ovs-vswitchd.conf.db(5), "Bidirectional Forwarding Detection",
 * "Connectivity Fault Management"). Where both watch it, one that finds it sound is enough.
 */
export function watchOf(
  captured: Captured,
  port: OvsPort,
  row: DbRow | undefined,
): Pick<Port, 'bfd' | 'cfm' | 'lldp' | 'faulty'> {
  const settings = map(row, 'bfd');
  const bfd = settings['enable'] === 'true' || port.bfdUp !== undefined;
  const cfm = text(row, 'cfm_mpid') !== undefined || port.cfmUp !== undefined;
  const lldp = map(row, 'lldp')['enable'] === 'true';
  const found = [...(bfd ? [port.bfdUp] : []), ...(cfm ? [port.cfmUp] : [])];
  const faulty = found.length > 0 && found.every((up) => up === false);
  if (!faulty && found.length > 0 && !found.includes(true))
    captured.notes.push(
      `${port.name}: what ${bfd ? 'BFD' : 'CFM'} found is not captured (ovs-appctl ${bfd ? 'bfd' : 'cfm'}/show tells); it is taken for sound`,
    );
  if (bfd && !isShown(row, 'bfd'))
    captured.notes.push(
      `${port.name}: how BFD is set there is not captured (ovs-vsctl list interface ${port.name} tells); Open vSwitch's defaults are assumed`,
    );
  return {
    ...(bfd
      ? {
          bfd: {
            checkTunnelKey: settings['check_tnl_key'] === 'true',
            remoteMac: parseMac(settings['bfd_remote_dst_mac'] ?? ''),
          },
        }
      : {}),
    ...(cfm ? { cfm: { extended: map(row, 'other_config')['cfm_extended'] === 'true' } } : {}),
    ...(lldp ? { lldp } : {}),
    ...(faulty ? { faulty } : {}),
  };
}
