// Checks one receipt against the public head, in this browser alone: the file never leaves it. What is hashed of a
// row, and how the two trees are made, stands in docs/proof.md; paya_app/proof/receipts.py does the same in Python.

const HASH = /^[0-9a-f]{64}$/;
const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const PATH_MAX = 64;

export class Refused extends Error {}

// ---------------------------------------------------------------- the form of a receipt

const isCount = (value) => Number.isSafeInteger(value) && value >= 0;
const isPlace = (value) => Number.isSafeInteger(value) && value >= 1;
const isHash = (value) => typeof value === "string" && HASH.test(value);
const isText = (value) => typeof value === "string";
const or = (isOne, isOther) => (value) => isOne(value) || isOther(value);
const isNull = (value) => value === null;
const isPath = (value) => Array.isArray(value) && value.length <= PATH_MAX && value.every(isHash);
const is = (wanted) => (value) => value === wanted;

function shaped(fields) {
  return (value) =>
    typeof value === "object" && value !== null && !Array.isArray(value) &&
    Object.keys(value).length === Object.keys(fields).length &&
    Object.entries(fields).every(([name, isRight]) => Object.hasOwn(value, name) && isRight(value[name]));
}

const isSide = or(
  shaped({ account: isCount, seq: or(isCount, isNull), salt: isHash }),
  shaped({ hash: isHash }),
);
export const isHead = shaped({
  version: is("paya.head.1"), size: isCount, log_root: isHash, seal_hash: isHash, sealed_at: or(isText, isNull),
  transfer_count: isCount, event_count: isCount,
});
const isReceipt = shaped({
  version: is("paya.receipt.1"),
  transfer: shaped({
    id: (value) => isText(value) && ID.test(value), at_us: isCount, effective_at_us: isCount, from: isSide, to: isSide,
    amount: isPlace, kind: isText, ref: or(isText, isNull),
  }),
  salt: isHash, index: isCount, path: isPath,
  seal: shaped({
    n: isPlace, era: isCount, xid_from: isCount, xid_upto: isCount, transfer_count: isCount, event_count: isCount,
    transfer_total: isCount, event_total: isCount, root: isHash, previous: isHash, at_us: isCount,
  }),
  log_path: isPath, head: isHead,
});

export function parseReceipt(text) {
  let receipt;
  try {
    receipt = JSON.parse(text);
  } catch {
    throw new Refused("This file is no receipt of PaYa.");
  }
  if (!isReceipt(receipt)) throw new Refused("This file is no receipt of PaYa, or parts of it are missing.");
  return receipt;
}

// ---------------------------------------------------------------- hashes and trees (RFC 6962, RFC 9162 2.1.3.2)

const bytes = (hex) => Uint8Array.from(hex.match(/../g), (pair) => parseInt(pair, 16));
const hex = (hash) => Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
const text = (fields) => new TextEncoder().encode(JSON.stringify(fields));

async function sha256(first, ...parts) {
  const whole = new Uint8Array(1 + parts.reduce((length, part) => length + part.length, 0));
  whole[0] = first;
  let at = 1;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return new Uint8Array(await crypto.subtle.digest("SHA-256", whole));
}

async function rootOf(leaf, index, size, path) {
  if (index >= size) return "";
  let place = index;
  let last = size - 1;
  let node = leaf;
  const half = (n) => Math.floor(n / 2); // >> would cut at 32 bits
  for (const beside of path.map(bytes)) {
    if (last === 0) return "";
    if (place % 2 === 1 || place === last) {
      node = await sha256(1, beside, node);
      while (place % 2 === 0 && place !== 0) [place, last] = [half(place), half(last)];
    } else {
      node = await sha256(1, node, beside);
    }
    [place, last] = [half(place), half(last)];
  }
  return last === 0 ? hex(node) : "";
}

// ---------------------------------------------------------------- the check

async function sideOf(side) {
  return side.hash ?? hex(await sha256(2, bytes(side.salt), text([side.account, side.seq])));
}

async function leafOf({ transfer, salt }) {
  const from = await sideOf(transfer.from);
  const to = await sideOf(transfer.to);
  const fields = [
    "paya.transfer.1", transfer.id, transfer.at_us, transfer.effective_at_us, from, to, transfer.amount, transfer.kind,
    transfer.ref,
  ];
  return sha256(0, bytes(salt), text(fields));
}

const sealHash = (seal) =>
  sha256(0, text([
    "paya.seal.1", seal.n, seal.era, seal.xid_from, seal.xid_upto, seal.transfer_count, seal.event_count,
    seal.transfer_total, seal.event_total, seal.root, seal.previous, seal.at_us,
  ]));

const isSame = (one, other) => Object.keys(one).every((name) => one[name] === other[name]);

// Throws Refused with a sentence at the first step that does not hold.
export async function checkReceipt(receipt, head) {
  const { seal } = receipt;
  if (!isHead(head) || !isSame(receipt.head, head)) {
    throw new Refused("The receipt carries another head than the public one of its size.");
  }
  const covered = await rootOf(await leafOf(receipt), receipt.index, seal.transfer_count + seal.event_count, receipt.path);
  if (receipt.index >= seal.transfer_count || covered !== seal.root) {
    throw new Refused(`The payment, as this file tells it, is not what seal ${seal.n} covers.`);
  }
  const hash = await sealHash(seal);
  if ((await rootOf(hash, seal.n - 1, head.size, receipt.log_path)) !== head.log_root) {
    throw new Refused(`Seal ${seal.n}, as this file tells it, is not among those of the public head.`);
  }
  if (seal.n === head.size && hex(hash) !== head.seal_hash) {
    throw new Refused("The public head names another newest seal than its own log does.");
  }
}
