// Answers: is a text an address that a proxy can connect to. Rules: RFC 1123 labels, net.SplitHostPort and
// ValidateProxyAddress of Istio.
import { z } from 'zod';

const label = /^[a-zA-Z0-9](?:[-a-zA-Z0-9]{0,61}[a-zA-Z0-9])?$/;
const longestName = 255;
const largestPort = 65_535;
const ipv4 = z.ipv4();
const ipv6 = z.ipv6();

/** True for `host:port`; the host is a name or an IP address, an IPv6 address in brackets. */
export function isHostAndPort(text: string): boolean {
  const match = /^(?:\[([^[\]]*)\]|([^[\]:]*)):([+-]?\d{1,9})$/.exec(text);
  if (match === null) return false;
  const host = match[1] ?? match[2] ?? '';
  return isPortNumber(Number(match[3])) && (isDomainName(host) || isIpAddress(host));
}

export function isPortNumber(value: unknown): boolean {
  return typeof value === 'number' && value >= 1 && value <= largestPort;
}

/** A DNS name of RFC 1123 labels, a last dot allowed; a name that ends in a number is none (RFC 1123, 2.1). */
export function isDomainName(text: string): boolean {
  const labels = text.split('.');
  return isDomain(text) && !/^\d+$/.test(labels.at(-1) ?? '');
}

/** As a domain name, but that the last label may be a number. */
export function isDomain(text: string): boolean {
  const labels = text.split('.');
  if (labels.length > 1 && labels.at(-1) === '') labels.pop();
  return text.length <= longestName && labels.every((part) => label.test(part));
}

function isIpAddress(text: string): boolean {
  const [address = '', ...zone] = text.split('%');
  if (zone.length === 0 && ipv4.safeParse(text).success) return true;
  return (zone.length === 0 || zone.join('%') !== '') && ipv6.safeParse(address).success;
}
