import {
  binary,
  binaryStart,
  bytes,
  chopped,
  closes,
  fill,
  fragments,
  MIB,
  heard,
  last,
  more,
  ping,
  pong,
  raw,
  text,
  textStart,
  times,
  together,
  type Group,
} from '../notation.ts'

/**
 * A frame without a masking key. Behind it stands what a server that does not look at the mask bit takes for key and
 * payload: a key of zeros, then the payload.
 */
const unmasked = (first: number, payload: string | Buffer) =>
  raw(Buffer.concat([Buffer.from([first, payload.length]), Buffer.alloc(4), Buffer.from(payload)]))

// oxfmt-ignore
export const MASKING: Group = {
  id: '9',
  title: 'Masking',
  handshake: { path: '/echo' },
  cases: [
    ['9.1.1', 'an unmasked text', [unmasked(0x81, 'oops')], [closes(1002)], '6455 5.1'],
    ['9.1.2', 'an unmasked binary message', [unmasked(0x82, 'oops')], [closes(1002)], '6455 5.1'],
    ['9.1.3', 'an unmasked empty text', [unmasked(0x81, '')], [closes(1002)], '6455 5.1'],
    ['9.1.4', 'an unmasked ping', [unmasked(0x89, 'oops')], [closes(1002)], '6455 5.1'],
    ['9.1.5', 'an unmasked pong', [unmasked(0x8a, 'oops')], [closes(1002)], '6455 5.1'],
    ['9.1.6', 'an unmasked close', [unmasked(0x88, Buffer.from([0x03, 0xe8]))], [closes(1002)], '6455 5.1'],
    ['9.1.7', 'an unmasked first fragment', [unmasked(0x01, 'oops'), last('!')], [closes(1002)], '6455 5.1'],
    ['9.1.8', 'an unmasked last fragment', [textStart('wh'), unmasked(0x80, 'oops')], [closes(1002)], '6455 5.1'],
    ['9.1.9', 'a message and its echo, then an unmasked one', [text('first'), heard(1), unmasked(0x81, 'oops')], [text('first'), closes(1002)], '6455 5.1'],
    ['9.1.10', 'an unmasked text, byte by byte', [chopped(1, unmasked(0x81, 'oops'))], [closes(1002)], '6455 5.1'],
  ],
}

/** maxPayload is 1,000 bytes here; what a runtime's own parser gives up at is 17 MiB. */
// oxfmt-ignore
export const LIMITS: Group = {
  id: '10',
  title: 'Limits (maxPayload)',
  handshake: { path: '/small' },
  cases: [
    ['10.1.1', 'text of maxPayload - 1 bytes', [text(fill(999))], [text(fill(999))], '6455 10.4'],
    ['10.1.2', 'text of just maxPayload', [text(fill(1000))], [text(fill(1000))], '6455 10.4'],
    ['10.1.3', 'text of maxPayload + 1 bytes', [text(fill(1001))], [closes(1009)], '6455 7.4.1'],
    ['10.1.4', 'binary of just maxPayload', [binary(bytes(1000))], [binary(bytes(1000))], '6455 10.4'],
    ['10.1.5', 'binary of maxPayload + 1 bytes', [binary(bytes(1001))], [closes(1009)], '6455 7.4.1'],
    ['10.1.6', 'bytes count, not characters: 500 of two bytes', [text('é'.repeat(500))], [text('é'.repeat(500))], '6455 10.4'],
    ['10.1.7', 'bytes count, not characters: 501 of two bytes', [text('é'.repeat(501))], [closes(1009)], '6455 7.4.1'],
    ['10.1.8', 'fragments that add up to maxPayload', [textStart(fill(600)), last(fill(400))], [text(fill(1000))], '6455 10.4'],
    ['10.1.9', 'fragments that add up to more', [textStart(fill(600)), last(fill(401))], [closes(1009)], '6455 7.4.1'],
    ['10.1.10', '1,001 fragments of 1 byte', [together(...fragments(fill(1001), 1))], [closes(1009)], '6455 7.4.1'],
    ['10.1.11', 'text of 1 MiB', [text(fill(MIB))], [closes(1009)], '6455 7.4.1'],
    ['10.1.12', 'maxPayload + 1 bytes in segments of 100', [chopped(100, text(fill(1001)))], [closes(1009)], '6455 7.4.1'],
    ['10.1.13', 'a message and its echo, then one too big', [text('first'), heard(1), text(fill(1001))], [text('first'), closes(1009)], '6455 7.4.1'],
    ['10.1.14', 'a message too big, one of its kind behind it: neither gets an echo', [together(text(fill(1001)), text('late'))], [closes(1009)], '6455 7.4.1'],
    ['10.1.15', 'messages of maxPayload, one after the other', times(20, () => text(fill(1000))), times(20, () => text(fill(1000))), '6455 10.4'],
    ['10.1.16', 'control frames between fragments do not count', [textStart(fill(600)), ping(fill(125)), more(fill(300)), ping(fill(125)), last(fill(100))], [pong(fill(125)), pong(fill(125)), text(fill(1000))], '6455 10.4'],

    ['10.2.1', 'the head of a frame of 1 GiB: refused before it is sent', [binary(bytes(1000), { length: 2n ** 30n })], [closes(1009)], '6455 10.4'],
    ['10.2.2', 'the head of a frame of 2^60 bytes', [binary('', { length: 2n ** 60n })], [closes(1009)], '6455 10.4'],
    ['10.2.3', 'the head of a text of 2^40 bytes', [text(fill(10), { length: 2n ** 40n })], [closes(1009)], '6455 10.4'],
    ['10.2.4', 'fragments without an end, 18 MiB so far', [binaryStart(bytes(MIB)), ...times(17, () => more(bytes(MIB)))], [closes(1009)], '6455 10.4'],
    ['10.2.5', 'a fragment of 1 KB, then the head of one of 1 GiB', [binaryStart(bytes(1000)), more('', { length: 2n ** 30n })], [closes(1009)], '6455 10.4'],
    ['10.2.6', 'a text of 18 MiB', [text(fill(18 * MIB))], [closes(1009)], '6455 10.4'],
  ],
}

// oxfmt-ignore
export const STREAM: Group = {
  id: '11',
  title: 'The TCP stream, chopped',
  handshake: { path: '/echo' },
  cases: [
    ['11.1.1', 'text, byte by byte', [chopped(1, text('Hello'))], [text('Hello')], '6455 5.2'],
    ['11.1.2', 'text of 126 bytes, byte by byte', [chopped(1, text(fill(126)))], [text(fill(126))], '6455 5.2'],
    ['11.1.3', 'binary of 300 bytes, byte by byte', [chopped(1, binary(bytes(300)))], [binary(bytes(300))], '6455 5.2'],
    ['11.1.4', 'empty frames, byte by byte', [chopped(1, text(''), binary(''), ping(''))], [text(''), binary(''), pong('')], '6455 5.2'],
    ['11.1.5', 'all kinds of frames, byte by byte', [chopped(1, text('a'), ping('b'), binaryStart('c'), pong('d'), more('e'), ping('f'), last('g'))], [text('a'), pong('b'), pong('f'), binary('ceg')], '6455 5.4'],
    ['11.1.6', 'segments of 2 bytes', [chopped(2, text(fill(300)), binary(bytes(50)))], [text(fill(300)), binary(bytes(50))], '6455 5.2'],
    ['11.1.7', 'segments of 3 bytes', [chopped(3, text(fill(300)), binary(bytes(50)))], [text(fill(300)), binary(bytes(50))], '6455 5.2'],
    ['11.1.8', 'segments of 5 bytes', [chopped(5, text(fill(300)), binary(bytes(50)))], [text(fill(300)), binary(bytes(50))], '6455 5.2'],
    ['11.1.9', 'segments of 7 bytes', [chopped(7, text(fill(300)), binary(bytes(50)))], [text(fill(300)), binary(bytes(50))], '6455 5.2'],
    ['11.1.10', 'segments of 13 bytes', [chopped(13, text(fill(300)), binary(bytes(50)))], [text(fill(300)), binary(bytes(50))], '6455 5.2'],

    ['11.2.1', '64 KiB in segments of 64 bytes', [chopped(64, binary(bytes(65_536)))], [binary(bytes(65_536))], '6455 5.2'],
    ['11.2.2', '64 KiB in segments of 256 bytes', [chopped(256, binary(bytes(65_536)))], [binary(bytes(65_536))], '6455 5.2'],
    ['11.2.3', '64 KiB in segments of 1,024 bytes', [chopped(1024, text(fill(65_536)))], [text(fill(65_536))], '6455 5.2'],
    ['11.2.4', '64 KiB in segments of 4,095 bytes', [chopped(4095, text(fill(65_536)))], [text(fill(65_536))], '6455 5.2'],
    ['11.2.5', '1 MiB in segments of 65,535 bytes', [chopped(65_535, text(fill(MIB)))], [text(fill(MIB))], '6455 5.2'],
    ['11.2.6', '1 MiB in segments of 65,536 bytes', [chopped(65_536, binary(bytes(MIB)))], [binary(bytes(MIB))], '6455 5.2'],
    ['11.2.7', '4 MiB in segments of 100,003 bytes', [chopped(100_003, binary(bytes(4 * MIB)))], [binary(bytes(4 * MIB))], '6455 5.2'],

    ['11.3.1', 'the head of a short frame split in two', [raw(Buffer.from([0x81])), raw(Buffer.from([0x81, 0, 0, 0, 0, 0x61]))], [text('a')], '6455 5.2'],
    ['11.3.2', 'split between length and masking key', [raw(Buffer.from([0x81, 0x81])), raw(Buffer.from([0, 0, 0, 0, 0x61]))], [text('a')], '6455 5.2'],
    ['11.3.3', 'split within the masking key', [raw(Buffer.from([0x81, 0x81, 1, 2])), raw(Buffer.from([3, 4, 0x60]))], [text('a')], '6455 5.3'],
    ['11.3.4', 'split between masking key and payload', [raw(Buffer.from([0x81, 0x81, 1, 2, 3, 4])), raw(Buffer.from([0x60]))], [text('a')], '6455 5.3'],
    ['11.3.5', 'split within a 16-bit length', [raw(Buffer.from([0x82, 0xfe, 0])), raw(Buffer.concat([Buffer.from([130, 0, 0, 0, 0]), bytes(130)]))], [binary(bytes(130))], '6455 5.2'],
    ['11.3.6', 'split within a 64-bit length', [raw(Buffer.from([0x82, 0xff, 0, 0, 0, 0, 0])), raw(Buffer.concat([Buffer.from([1, 0, 0, 0, 0, 0, 0]), bytes(65_536)]))], [binary(bytes(65_536))], '6455 5.2'],
    ['11.3.7', 'one frame and the first byte of the next', [raw(Buffer.from([0x81, 0x81, 0, 0, 0, 0, 0x61, 0x81])), raw(Buffer.from([0x81, 0, 0, 0, 0, 0x62]))], [text('a'), text('b')], '6455 5.2'],
    ['11.3.8', 'one frame and half of the next', [raw(Buffer.from([0x81, 0x81, 0, 0, 0, 0, 0x61, 0x81, 0x82, 0, 0, 0, 0, 0x62])), raw(Buffer.from([0x63]))], [text('a'), text('bc')], '6455 5.2'],

    ['11.4.1', '1,000 messages in one segment', [together(...times(1000, (n) => text(`n${n}`)))], times(1000, (n) => text(`n${n}`)), '6455 5.2'],
    ['11.4.2', '1,000 messages in segments of 61 bytes', [chopped(61, ...times(1000, (n) => text(`n${n}`)))], times(1000, (n) => text(`n${n}`)), '6455 5.2'],
    ['11.4.3', '64 messages of 64 KiB in one write', [together(...times(64, () => binary(bytes(65_536))))], times(64, () => binary(bytes(65_536))), '6455 5.2'],
  ],
}
