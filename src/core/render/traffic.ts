// Answers: which traffic is redirected to the proxy. The same answers go into the arguments of the init container and,
// with the CNI plugin, into annotations.
import type { Effective } from '../settings/effective.ts';

/** Ports of the proxy itself that are never redirected: Envoy's metrics and the agent's health. */
const ownPorts = '15090,15021';

export function isTproxy({ interceptionMode }: Effective): boolean {
  return interceptionMode === 'TPROXY';
}

/**
 * The user's excluded inbound ports with the agent's port among them. A port that is there already is looked for as the
 * text stands; once one is added, the list is trimmed.
 */
export function excludedInboundPorts({ annotations, statusPort, facts }: Effective): string {
  const excluded = annotations.excludeInboundPorts ?? facts.values.global.proxy.excludeInboundPorts;
  const port = statusPort.trim();
  if (port === '' || port === '0') return excluded;
  const ports = excluded.split(',');
  if (ports.includes(port)) return excluded;
  const named = ports.map((each) => each.trim()).filter((each) => each !== '');
  return [...named, port].join(',');
}

/** Arguments of `pilot-agent istio-iptables`. */
export function redirectionArgs(effective: Effective): string[] {
  const { annotations, facts, ids, interceptionMode } = effective;
  const { proxy } = facts.values.global;
  const excluded = excludedInboundPorts(effective);
  const args = [
    'istio-iptables',
    '-p',
    String(facts.mesh.proxyListenPort),
    '-z',
    String(facts.mesh.proxyInboundListenPort),
    '-u',
    isTproxy(effective) ? '1337' : String(ids.user),
    '-m',
    interceptionMode,
    '-i',
    annotations.includeOutboundIPRanges ?? proxy.includeIPRanges,
    '-x',
    annotations.excludeOutboundIPRanges ?? proxy.excludeIPRanges,
    '-b',
    annotations.includeInboundPorts ?? proxy.includeInboundPorts,
    '-d',
    excluded === '' ? ownPorts : `${ownPorts},${excluded}`,
  ];
  const outbound = annotations.includeOutboundPorts ?? (proxy.includeOutboundPorts || undefined);
  if (outbound !== undefined) args.push('-q', outbound);
  const bypassed = annotations.excludeOutboundPorts ?? (proxy.excludeOutboundPorts || undefined);
  if (bypassed !== undefined) args.push('-o', bypassed);
  const virtual = annotations.rerouteVirtualInterfaces ?? annotations.kubevirtInterfaces;
  if (virtual !== undefined) args.push('-k', virtual);
  if (annotations.excludeInterfaces !== undefined) args.push('-c', annotations.excludeInterfaces);
  return args;
}
