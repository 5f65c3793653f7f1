// Answers: to which addresses may nobody be sent by an answer: those of the machine itself and of the cloud's own
// services, which trust whoever reaches them.
import { lookup } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { quoted } from '../../core/model/problem.ts';
import { CallError, type Fault, lasting } from './fault.ts';

const metadata = new BlockList();
metadata.addSubnet('169.254.0.0', 16, 'ipv4'); // link-local, and metadata of most clouds
metadata.addSubnet('fe80::', 10, 'ipv6');
metadata.addSubnet('fd00:ec2::', 32, 'ipv6'); // metadata of EC2 over IPv6
metadata.addAddress('100.100.100.200', 'ipv4'); // metadata of Alibaba Cloud
metadata.addAddress('168.63.129.16', 'ipv4'); // host of Azure
metadata.addAddress('192.0.0.192', 'ipv4'); // metadata of Oracle Cloud
metadata.addSubnet('0.0.0.0', 8, 'ipv4'); // this machine, on Linux
metadata.addAddress('::', 'ipv6');

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** True for a URL whose host is this machine by its very name. */
function isLoopback(url: URL): boolean {
  const host = hostOf(url);
  return host === 'localhost' || host.endsWith('.localhost') || isIn(loopback, host);
}

/** Whether somebody who asked the first URL may be sent to the other one though that is this machine. */
export function mayStayOnLoopback(first: URL, other: URL): boolean {
  return other.hostname === first.hostname || isLoopback(first);
}

/** Why nobody may be sent there, where the URL itself tells; undefined where it does not. */
export function forbiddenUrl(url: URL, mayBeLoopback: boolean): Fault | undefined {
  return isForbidden(hostOf(url), mayBeLoopback) || (!mayBeLoopback && isLoopback(url))
    ? forbidden(hostOf(url))
    : undefined;
}

/** Looks a name up as usual, and gives an error where it means a forbidden address: asked when a connection is made. */
export function guardedLookup(mayBeLoopback: boolean): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, options, (error, address, family) => {
      const addresses = Array.isArray(address) ? address.map((one) => one.address) : [address];
      const bad = error === null && addresses.some((one) => isForbidden(one, mayBeLoopback));
      callback(bad ? new CallError(forbidden(hostname)) : error, address, family);
    });
  };
}

function forbidden(host: string): Fault {
  return lasting('InvalidAnswer', `it leads to ${quoted(host)}, an address that nothing may be fetched from`);
}

function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '');
}

function isForbidden(address: string, mayBeLoopback: boolean): boolean {
  return isIn(metadata, address) || (!mayBeLoopback && isIn(loopback, address));
}

function isIn(list: BlockList, address: string): boolean {
  const family = isIP(address);
  return family !== 0 && list.check(address, family === 4 ? 'ipv4' : 'ipv6');
}
