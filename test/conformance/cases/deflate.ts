import { constants, deflateRawSync } from 'node:zlib'
import { encodeFrame } from '../../support/raw-client.ts'
import {
  ask,
  binary,
  bytes,
  chopped,
  closes,
  declined,
  deflate,
  fill,
  frame,
  MIB,
  heard,
  hex,
  last,
  noise,
  packed,
  packedBinary,
  ping,
  pong,
  prose,
  raw,
  refused,
  squeezed,
  switched,
  text,
  textStart,
  together,
  unsqueezed,
  type Group,
  type Step,
} from '../notation.ts'

/** A handshake with this offer, or these lines of offers. */
const offer = (value: string | readonly string[]): Step[] => [
  ask({ 'Sec-WebSocket-Extensions': value }, '/deflate'),
]

// oxfmt-ignore
export const NEGOTIATION: Group = {
  id: '13',
  title: 'permessage-deflate: negotiation',
  cases: [
    ['13.1.1', 'no offer, no extension', [ask({}, '/deflate')], [switched({ 'sec-websocket-extensions': undefined })], '7692 5.1'],
    ['13.1.2', 'an offer without parameters', offer('permessage-deflate'), [deflate()], '7692 7.1'],
    ['13.1.3', 'client_max_window_bits without a value, as browsers offer', offer('permessage-deflate; client_max_window_bits'), [deflate()], '7692 7.1.2.2'],
    ['13.1.4', 'server_no_context_takeover', offer('permessage-deflate; server_no_context_takeover'), [deflate('server_no_context_takeover')], '7692 7.1.1.1'],
    ['13.1.5', 'client_no_context_takeover', offer('permessage-deflate; client_no_context_takeover'), [deflate()], '7692 7.1.1.2'],
    ['13.1.6', 'both no_context_takeover', offer('permessage-deflate; server_no_context_takeover; client_no_context_takeover'), [deflate('server_no_context_takeover')], '7692 7.1.1'],
    ['13.1.7', 'no space behind the semicolons', offer('permessage-deflate;server_no_context_takeover;client_max_window_bits'), [deflate('server_no_context_takeover')], '6455 9.1'],
    ['13.1.8', 'spaces around everything', offer(' permessage-deflate ;  server_no_context_takeover '), [deflate('server_no_context_takeover')], '6455 9.1'],
    ['13.1.9', 'a quoted value', offer('permessage-deflate; client_max_window_bits="15"'), [deflate()], '6455 9.1'],
    ['13.1.10', 'the name in another case is another extension', offer('Permessage-Deflate'), [declined], '7692 7'],

    ['13.2.1', 'client_max_window_bits=8', offer('permessage-deflate; client_max_window_bits=8'), [deflate()], '7692 7.1.2.2'],
    ['13.2.2', 'client_max_window_bits=9', offer('permessage-deflate; client_max_window_bits=9'), [deflate()], '7692 7.1.2.2'],
    ['13.2.3', 'client_max_window_bits=10', offer('permessage-deflate; client_max_window_bits=10'), [deflate()], '7692 7.1.2.2'],
    ['13.2.4', 'client_max_window_bits=15', offer('permessage-deflate; client_max_window_bits=15'), [deflate()], '7692 7.1.2.2'],
    ['13.2.5', 'server_max_window_bits=8', offer('permessage-deflate; server_max_window_bits=8'), [deflate('server_max_window_bits=8')], '7692 7.1.2.1'],
    ['13.2.6', 'server_max_window_bits=9', offer('permessage-deflate; server_max_window_bits=9'), [deflate('server_max_window_bits=9')], '7692 7.1.2.1'],
    ['13.2.7', 'server_max_window_bits=10', offer('permessage-deflate; server_max_window_bits=10'), [deflate('server_max_window_bits=10')], '7692 7.1.2.1'],
    ['13.2.8', 'server_max_window_bits=11', offer('permessage-deflate; server_max_window_bits=11'), [deflate('server_max_window_bits=11')], '7692 7.1.2.1'],
    ['13.2.9', 'server_max_window_bits=12', offer('permessage-deflate; server_max_window_bits=12'), [deflate('server_max_window_bits=12')], '7692 7.1.2.1'],
    ['13.2.10', 'server_max_window_bits=13', offer('permessage-deflate; server_max_window_bits=13'), [deflate('server_max_window_bits=13')], '7692 7.1.2.1'],
    ['13.2.11', 'server_max_window_bits=14', offer('permessage-deflate; server_max_window_bits=14'), [deflate('server_max_window_bits=14')], '7692 7.1.2.1'],
    ['13.2.12', 'server_max_window_bits=15', offer('permessage-deflate; server_max_window_bits=15'), [deflate('server_max_window_bits=15')], '7692 7.1.2.1'],
    ['13.2.13', 'server_max_window_bits="10", quoted', offer('permessage-deflate; server_max_window_bits="10"'), [deflate('server_max_window_bits=10')], '6455 9.1'],
    ['13.2.14', 'all four parameters', offer('permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=12; client_max_window_bits=12'), [deflate('server_no_context_takeover', 'server_max_window_bits=12')], '7692 7.1'],

    ['13.3.1', 'server_max_window_bits=7', offer('permessage-deflate; server_max_window_bits=7'), [declined], '7692 7.1'],
    ['13.3.2', 'server_max_window_bits=16', offer('permessage-deflate; server_max_window_bits=16'), [declined], '7692 7.1'],
    ['13.3.3', 'server_max_window_bits without a value', offer('permessage-deflate; server_max_window_bits'), [declined], '7692 7.1'],
    ['13.3.4', 'server_max_window_bits=010', offer('permessage-deflate; server_max_window_bits=010'), [declined], '7692 7.1.2.1'],
    ['13.3.5', 'server_max_window_bits=-10', offer('permessage-deflate; server_max_window_bits=-10'), [declined], '7692 7.1.2.1'],
    ['13.3.6', 'server_max_window_bits=ten', offer('permessage-deflate; server_max_window_bits=ten'), [declined], '7692 7.1'],
    ['13.3.7', 'client_max_window_bits=7', offer('permessage-deflate; client_max_window_bits=7'), [declined], '7692 7.1'],
    ['13.3.8', 'client_max_window_bits=16', offer('permessage-deflate; client_max_window_bits=16'), [declined], '7692 7.1'],
    ['13.3.9', 'client_max_window_bits=08', offer('permessage-deflate; client_max_window_bits=08'), [declined], '7692 7.1.2.2'],
    ['13.3.10', 'server_no_context_takeover with a value', offer('permessage-deflate; server_no_context_takeover=1'), [declined], '7692 7.1'],
    ['13.3.11', 'client_no_context_takeover with a value', offer('permessage-deflate; client_no_context_takeover=true'), [declined], '7692 7.1'],
    ['13.3.12', 'an unknown parameter', offer('permessage-deflate; x_unknown'), [declined], '7692 7.1'],
    ['13.3.13', 'an unknown parameter with a value', offer('permessage-deflate; x_unknown=1'), [declined], '7692 7.1'],
    ['13.3.14', 'server_no_context_takeover twice', offer('permessage-deflate; server_no_context_takeover; server_no_context_takeover'), [declined], '7692 7.1'],
    ['13.3.15', 'server_max_window_bits twice', offer('permessage-deflate; server_max_window_bits=10; server_max_window_bits=12'), [declined], '7692 7.1'],
    ['13.3.16', 'client_max_window_bits twice', offer('permessage-deflate; client_max_window_bits; client_max_window_bits=12'), [declined], '7692 7.1'],

    ['13.4.1', 'an unknown extension, then a good offer', offer('x-unknown; a=b, permessage-deflate'), [deflate()], '6455 9.1'],
    ['13.4.2', 'a bad offer, then a good one', offer('permessage-deflate; server_max_window_bits=7, permessage-deflate'), [deflate()], '7692 5.1'],
    ['13.4.3', 'two good offers: one answer', offer('permessage-deflate; server_no_context_takeover, permessage-deflate'), [deflate()], '7692 5.1'],
    ['13.4.4', 'offers in two lines', offer(['x-unknown', 'permessage-deflate']), [deflate()], '6455 9.1'],
    ['13.4.5', 'a bad offer and a good one in two lines', offer(['permessage-deflate; x_unknown', 'permessage-deflate; client_no_context_takeover']), [deflate()], '6455 9.1'],
    ['13.4.6', 'another compression is declined', offer('permessage-bzip2'), [declined], '6455 9.1'],
    ['13.4.7', 'a forerunner is declined', offer('x-webkit-deflate-frame'), [declined], '6455 9.1'],
    ['13.4.8', 'an empty element in the list', offer('permessage-deflate, , x-unknown'), [deflate()], '6455 9.1'],
    ['13.4.9', 'a semicolon too many', offer('permessage-deflate;'), [refused(400)], '6455 9.1'],
    ['13.4.10', 'a quote that does not end', offer('permessage-deflate; server_max_window_bits="10'), [refused(400)], '6455 9.1'],
  ],
}

const BROWSER = 'permessage-deflate; client_max_window_bits'
/** RFC 7692 7.2.3.1: "Hello" in one block with fixed Huffman codes. */
const HELLO = hex('f2 48 cd c9 c9 07 00')

/** One compressed message in two segments; its head is 8 or 14 bytes long. */
function split(size: number, at: number): Step[] {
  const options = { finishFlush: constants.Z_SYNC_FLUSH }
  const message = encodeFrame(2, deflateRawSync(noise(size), options).subarray(0, -4), { rsv: 4 })
  return [raw(message.subarray(0, at)), raw(message.subarray(at))]
}

// oxfmt-ignore
export const COMPRESSION: Group = {
  id: '14',
  title: 'permessage-deflate: messages',
  handshake: { path: '/deflate', headers: { 'Sec-WebSocket-Extensions': BROWSER } },
  cases: [
    ['14.1.1', 'text of 0 bytes', [packed('')], [text('')], '7692 7.2.3.6'],
    ['14.1.2', 'text of 1 byte', [packed('*')], [text('*')], '7692 7.2'],
    ['14.1.3', 'text of 16 bytes', [packed(prose(16))], [text(prose(16))], '7692 7.2'],
    ['14.1.4', 'text of 125 bytes', [packed(prose(125))], [text(prose(125))], '7692 7.2'],
    ['14.1.5', 'text of 1 KiB', [packed(prose(1024))], [squeezed(prose(1024))], '7692 7.2'],
    ['14.1.6', 'text of 4 KiB', [packed(prose(4096))], [squeezed(prose(4096))], '7692 7.2'],
    ['14.1.7', 'text of 32 KiB', [packed(prose(32_768))], [squeezed(prose(32_768))], '7692 7.2'],
    ['14.1.8', 'text of 65,536 bytes', [packed(prose(65_536))], [squeezed(prose(65_536))], '7692 7.2'],
    ['14.1.9', 'text of 1 MiB', [packed(prose(MIB))], [squeezed(prose(MIB))], '7692 7.2'],
    ['14.1.10', '1 MiB of the same letter', [packed(fill(MIB))], [squeezed(fill(MIB))], '7692 7.2'],
    ['14.1.11', 'binary of 64 KiB', [packedBinary(bytes(65_536))], [squeezed(bytes(65_536))], '7692 7.2'],
    ['14.1.12', 'binary of 64 KiB that does not compress', [packedBinary(noise(65_536))], [binary(noise(65_536))], '7692 7.2'],
    ['14.1.13', 'text of characters of one to four bytes', [packed('aé€😀'.repeat(300))], [text('aé€😀'.repeat(300))], '7692 7.2'],
    ['14.1.14', '100 messages, one after the other', Array.from({ length: 100 }, (_, n) => packed(prose(200 + n))), Array.from({ length: 100 }, (_, n) => text(prose(200 + n))), '7692 7.2'],
    ['14.1.15', '100 messages in one segment', [together(...Array.from({ length: 100 }, (_, n) => packed(prose(200 + n))))], Array.from({ length: 100 }, (_, n) => text(prose(200 + n))), '7692 7.2'],
    ['14.1.16', 'byte by byte', [chopped(1, packed(prose(300)))], [text(prose(300))], '7692 7.2'],

    ['14.2.1', "the RFC's example in one frame", [text(HELLO, { rsv: 4 })], [text('Hello')], '7692 7.2.3.1'],
    ['14.2.2', "the RFC's example in two fragments", [textStart(hex('f2 48 cd'), { rsv: 4 }), last(hex('c9 c9 07 00'))], [text('Hello')], '7692 7.2.3.1'],
    ['14.2.3', "the RFC's example in a block without compression", [text(hex('00 05 00 fa ff 48 65 6c 6c 6f 00'), { rsv: 4 })], [text('Hello')], '7692 7.2.3.3'],
    ['14.2.4', "the RFC's example with BFINAL set", [text(hex('f3 48 cd c9 c9 07 00 00'), { rsv: 4 })], [text('Hello')], '7692 7.2.3.4'],
    ['14.2.5', "the RFC's example in two blocks", [text(hex('f2 48 05 00 00 00 ff ff ca c9 c9 07 00'), { rsv: 4 })], [text('Hello')], '7692 7.2.3.5'],
    ['14.2.6', 'an empty message: one empty block', [text(hex('00'), { rsv: 4 })], [text('')], '7692 7.2.3.6'],
    ['14.2.7', 'an empty message: an empty block with fixed codes', [text(hex('02 00'), { rsv: 4 })], [text('')], '7692 7.2.3.6'],
    ['14.2.8', 'an empty binary message', [binary(hex('00'), { rsv: 4 })], [binary('')], '7692 7.2.3.6'],
    ['14.2.9', 'empty blocks before the data', [text(Buffer.concat([hex('00 00 00 ff ff 00 00 00 ff ff'), HELLO]), { rsv: 4 })], [text('Hello')], '7692 7.2.3.5'],
    ['14.2.10', 'empty blocks behind the data', [text(hex('f2 48 cd c9 c9 07 00 00 00 ff ff 00'), { rsv: 4 })], [text('Hello')], '7692 7.2.3.5'],
    ['14.2.11', 'a stored block of a length that is wrong', [text(hex('00 05 00 00 00 48 65 6c 6c 6f 00'), { rsv: 4 })], [closes(1007, 1002)], '7692 6.2'],
    ['14.2.12', 'a block of a kind that does not exist', [text(hex('07 00'), { rsv: 4 })], [closes(1007, 1002)], '7692 6.2'],
    ['14.2.13', 'bytes that are no DEFLATE data', [text(hex('ff ff ff ff ff ff'), { rsv: 4 })], [closes(1007, 1002)], '7692 6.2'],
    ['14.2.14', 'a stored block that ends in the middle', [text(hex('00 09 00 f6 ff 48 65'), { rsv: 4 })], [closes(1007, 1002)], '7692 6.2'],
    ['14.2.15', 'a distance that reaches before the message', [text(hex('02 13 00 00'), { rsv: 4 })], [closes(1007, 1002)], '7692 6.2'],
    ['14.2.16', 'compressed text that is no UTF-8', [text(hex('fa 0f 00'), { rsv: 4 })], [closes(1007)], '6455 8.1'],
    ['14.2.17', 'no payload at all, with RSV1', [text('', { rsv: 4 })], [text('')], '7692 7.2.2'],

    ['14.3.1', 'blocks of 100 bytes', [packed(prose(4000), { block: 100 })], [squeezed(prose(4000))], '7692 7.2.3.5'],
    ['14.3.2', 'blocks of 1 byte', [packed(prose(200), { block: 1 })], [text(prose(200))], '7692 7.2.3.5'],
    ['14.3.3', 'stored, not compressed', [packed(prose(70_000), { level: 0 })], [squeezed(prose(70_000))], '7692 7.2.3.3'],
    ['14.3.4', 'as well compressed as can be', [packed(prose(70_000), { level: 9 })], [squeezed(prose(70_000))], '7692 7.2.1'],
    ['14.3.5', 'BFINAL set, then another message', [packed(prose(2000), { final: true }), packed(prose(3000))], [squeezed(prose(2000)), squeezed(prose(3000))], '7692 7.2.3.4'],
    ['14.3.6', 'a window of 9 bits', [packed(prose(20_000), { windowBits: 9 })], [squeezed(prose(20_000))], '7692 7.1.2.2'],
    ['14.3.7', 'a window of 12 bits', [packed(prose(20_000), { windowBits: 12 })], [squeezed(prose(20_000))], '7692 7.1.2.2'],

    ['14.4.1', 'fragments of 1 byte', [packed(prose(500), {}, 1)], [text(prose(500))], '7692 6.1'],
    ['14.4.2', 'fragments of 100 bytes', [packed(prose(20_000), {}, 100)], [squeezed(prose(20_000))], '7692 6.1'],
    ['14.4.3', 'fragments of 1,009 bytes of 1 MiB', [packed(prose(MIB), {}, 1009)], [squeezed(prose(MIB))], '7692 6.1'],
    ['14.4.4', 'an empty first fragment with RSV1', [textStart('', { rsv: 4 }), last(HELLO)], [text('Hello')], '7692 6.1'],
    ['14.4.5', 'an empty last fragment', [textStart(HELLO, { rsv: 4 }), last('')], [text('Hello')], '7692 6.1'],
    ['14.4.6', 'ping between compressed fragments', [textStart(HELLO.subarray(0, 3), { rsv: 4 }), ping('x'), last(HELLO.subarray(3))], [pong('x'), text('Hello')], '7692 6.1'],
    ['14.4.7', 'fragments of 100 bytes in segments of 97', [chopped(97, packed(prose(20_000), {}, 100))], [squeezed(prose(20_000))], '7692 6.1'],

    ['14.5.1', 'an uncompressed text', [text('plain')], [text('plain')], '7692 6'],
    ['14.5.2', 'an uncompressed text of 4 KiB', [text(prose(4096))], [squeezed(prose(4096))], '7692 6'],
    ['14.5.3', 'an uncompressed message in fragments', [textStart('pl'), last('ain')], [text('plain')], '7692 6'],
    ['14.5.4', 'compressed and uncompressed in turn', [packed(prose(300)), text('plain'), packed(prose(400)), binary('plain')], [text(prose(300)), text('plain'), text(prose(400)), binary('plain')], '7692 6'],
    ['14.5.5', 'an uncompressed empty text', [text('')], [text('')], '7692 6'],
    ['14.5.6', 'what the server compresses has RSV1, what it does not has none', [text(prose(2000)), text(prose(100))], [squeezed(prose(2000)), unsqueezed(prose(100))], '7692 6'],

    ['14.6.1', 'RSV1 on a last fragment', [textStart(HELLO.subarray(0, 3), { rsv: 4 }), last(HELLO.subarray(3), { rsv: 4 })], [closes(1002)], '7692 6.1'],
    ['14.6.2', 'RSV1 on the continuation of an uncompressed message', [textStart('Hel'), last('lo', { rsv: 4 })], [closes(1002)], '7692 6.1'],
    ['14.6.3', 'RSV1 on a ping', [ping('x', { rsv: 4 })], [closes(1002)], '7692 6.1'],
    ['14.6.4', 'RSV1 on a pong', [pong('x', { rsv: 4 })], [closes(1002)], '7692 6.1'],
    ['14.6.5', 'RSV1 on a close', [frame(8, Buffer.from([0x03, 0xe8]), { rsv: 4 })], [closes(1002)], '7692 6.1'],
    ['14.6.6', 'a compressed ping', [ping(HELLO, { rsv: 4 })], [closes(1002)], '7692 6.1'],
    ['14.6.7', 'RSV2 all the same', [text('x', { rsv: 2 })], [closes(1002)], '6455 5.2'],
    ['14.6.8', 'RSV3 all the same', [text('x', { rsv: 1 })], [closes(1002)], '6455 5.2'],
    ['14.6.9', 'RSV1 and RSV2', [text(HELLO, { rsv: 6 })], [closes(1002)], '6455 5.2'],
    ['14.6.10', 'RSV1 on a reserved opcode', [frame(3, HELLO, { rsv: 4 })], [closes(1002)], '6455 5.2'],
    ['14.6.11', 'a message and its echo, then a compressed ping', [packed('first'), heard(1), ping(HELLO, { rsv: 4 })], [text('first'), closes(1002)], '7692 6.1'],

    ['14.7.1', 'a head with a 16-bit length split behind 2 bytes', split(200, 2), [binary(noise(200))], '6455 5.2'],
    ['14.7.2', 'behind 5 bytes', split(200, 5), [binary(noise(200))], '6455 5.2'],
    ['14.7.3', 'behind 6 bytes', split(200, 6), [binary(noise(200))], '6455 5.2'],
    ['14.7.4', 'behind 7 bytes', split(200, 7), [binary(noise(200))], '6455 5.2'],
    ['14.7.5', 'behind 8 bytes: all of it', split(200, 8), [binary(noise(200))], '6455 5.2'],
    ['14.7.6', 'a head with a 64-bit length split behind 5 bytes', split(66_000, 5), [binary(noise(66_000))], '6455 5.2'],
    ['14.7.7', 'behind 6 bytes', split(66_000, 6), [binary(noise(66_000))], '6455 5.2'],
    ['14.7.8', 'behind 13 bytes', split(66_000, 13), [binary(noise(66_000))], '6455 5.2'],
    ['14.7.9', 'behind 14 bytes: all of it', split(66_000, 14), [binary(noise(66_000))], '6455 5.2'],
  ],
}

const small = (value: string) => ({ path: '/small-deflate', headers: { 'Sec-WebSocket-Extensions': value } })

/** maxPayload is 10,000 bytes here. */
// oxfmt-ignore
export const COMPRESSED_LIMITS: Group = {
  id: '15',
  title: 'permessage-deflate: limits (maxPayload)',
  handshake: small(BROWSER),
  cases: [
    ['15.1.1', 'a message that inflates to just maxPayload', [packed(fill(10_000))], [squeezed(fill(10_000))], '6455 10.4'],
    ['15.1.2', 'a message that inflates to maxPayload + 1', [packed(fill(10_001))], [closes(1009)], '6455 7.4.1'],
    ['15.1.3', 'a bomb of 1 KB that inflates to 1 MB', [packed(fill(1_000_000))], [closes(1009)], '6455 10.4'],
    ['15.1.4', 'the same in fragments of 100 bytes', [packed(fill(1_000_000), {}, 100)], [closes(1009)], '6455 10.4'],
    ['15.1.5', 'a bomb of 100 KB that inflates to 100 MB', [packed(fill(100_000_000))], [closes(1009)], '6455 10.4'],
    ['15.1.6', 'a binary bomb of 1 KB', [packedBinary(Buffer.alloc(1_000_000))], [closes(1009)], '6455 10.4'],
    ['15.1.7', 'a message and its echo, then a bomb', [packed('first'), heard(1), packed(fill(1_000_000))], [text('first'), closes(1009)], '6455 10.4'],
    ['15.1.8', 'an uncompressed message that is too big', [text(fill(10_001))], [closes(1009)], '6455 7.4.1'],
    ['15.1.9', 'many messages of maxPayload', Array.from({ length: 50 }, () => packed(fill(10_000))), Array.from({ length: 50 }, () => squeezed(fill(10_000))), '6455 10.4'],
  ],
}

const again = (count: number, payload: string): Step[] => Array.from({ length: count }, () => packed(payload))
const echoes = (count: number, payload: string) => Array.from({ length: count }, () => squeezed(payload))
const agreed = (value: string): Step[] => [...offer(value), heard(1)]
/** Repeats itself only after 1,200 bytes: a window of 9 or 10 bits does not reach as far. */
export const FAR: string = noise(900).toString('base64').repeat(12)

/** The client compresses as was agreed: with the messages before in its window where the server lets it. */
// oxfmt-ignore
export const CONTEXT: Group = {
  id: '16',
  title: 'permessage-deflate: context takeover and windows',
  cases: [
    ['16.1.1', 'no parameters: 10 equal messages', [...agreed('permessage-deflate'), ...again(10, prose(3000))], [deflate(), ...echoes(10, prose(3000))], '7692 7.1.1'],
    ['16.1.2', 'client_max_window_bits: 10 equal messages', [...agreed(BROWSER), ...again(10, prose(3000))], [deflate(), ...echoes(10, prose(3000))], '7692 7.1.1'],
    ['16.1.3', 'server_no_context_takeover: 10 equal messages', [...agreed('permessage-deflate; server_no_context_takeover'), ...again(10, prose(3000))], [deflate('server_no_context_takeover'), ...echoes(10, prose(3000))], '7692 7.1.1.1'],
    ['16.1.4', 'client_no_context_takeover: 10 equal messages', [...agreed('permessage-deflate; client_no_context_takeover'), ...again(10, prose(3000))], [deflate(), ...echoes(10, prose(3000))], '7692 7.1.1.2'],
    ['16.1.5', 'both: 10 equal messages', [...agreed('permessage-deflate; server_no_context_takeover; client_no_context_takeover'), ...again(10, prose(3000))], [deflate('server_no_context_takeover'), ...echoes(10, prose(3000))], '7692 7.1.1'],
    ['16.1.6', 'messages that differ, larger and larger', [...agreed(BROWSER), ...Array.from({ length: 12 }, (_, n) => packed(prose(20 << n)))], [deflate(), ...Array.from({ length: 12 }, (_, n) => text(prose(20 << n)))], '7692 7.2'],
    ['16.1.7', 'a large message between small ones', [...agreed(BROWSER), packed(prose(300)), packed(prose(300_000)), packed(prose(300))], [deflate(), text(prose(300)), text(prose(300_000)), text(prose(300))], '7692 7.2'],
    ['16.1.8', 'an empty message between others', [...agreed(BROWSER), packed(prose(300)), packed(''), packed(prose(300))], [deflate(), text(prose(300)), text(''), text(prose(300))], '7692 7.2.3.6'],
    ['16.1.9', 'uncompressed messages do not enter the window', [...agreed(BROWSER), packed(prose(300)), text(prose(500)), packed(prose(300))], [deflate(), text(prose(300)), text(prose(500)), text(prose(300))], '7692 7.2.1'],
    ['16.1.10', 'a reference to the message before, though client_no_context_takeover is agreed', [...agreed('permessage-deflate; client_no_context_takeover'), text(HELLO, { rsv: 4 }), heard(2), text(hex('f2 00 11 00 00'), { rsv: 4 })], [deflate('client_no_context_takeover'), text('Hello'), closes(1007, 1002)], '7692 7.1.1.2'],

    ['16.2.1', 'server_max_window_bits=9: the server keeps to it', [...agreed('permessage-deflate; server_max_window_bits=9'), ...again(3, FAR)], [deflate('server_max_window_bits=9'), ...echoes(3, FAR)], '7692 7.1.2.1'],
    ['16.2.2', 'server_max_window_bits=10: the server keeps to it', [...agreed('permessage-deflate; server_max_window_bits=10'), ...again(3, FAR)], [deflate('server_max_window_bits=10'), ...echoes(3, FAR)], '7692 7.1.2.1'],
    ['16.2.3', 'server_max_window_bits=12: the server keeps to it', [...agreed('permessage-deflate; server_max_window_bits=12'), ...again(3, FAR)], [deflate('server_max_window_bits=12'), ...echoes(3, FAR)], '7692 7.1.2.1'],
    ['16.2.4', 'server_max_window_bits=15', [...agreed('permessage-deflate; server_max_window_bits=15'), ...again(3, FAR)], [deflate('server_max_window_bits=15'), ...echoes(3, FAR)], '7692 7.1.2.1'],
    ['16.2.5', 'server_max_window_bits=9, server_no_context_takeover', [...agreed('permessage-deflate; server_no_context_takeover; server_max_window_bits=9'), ...again(3, FAR)], [deflate('server_no_context_takeover', 'server_max_window_bits=9'), ...echoes(3, FAR)], '7692 7.1.2.1'],
    ['16.2.6', 'client_max_window_bits=9', [...agreed('permessage-deflate; client_max_window_bits=9'), ...again(3, FAR)], [deflate(), ...echoes(3, FAR)], '7692 7.1.2.2'],
    ['16.2.7', 'client_max_window_bits=12', [...agreed('permessage-deflate; client_max_window_bits=12'), ...again(3, FAR)], [deflate(), ...echoes(3, FAR)], '7692 7.1.2.2'],
    ['16.2.8', 'client_max_window_bits=15', [...agreed('permessage-deflate; client_max_window_bits=15'), ...again(3, FAR)], [deflate(), ...echoes(3, FAR)], '7692 7.1.2.2'],
    ['16.2.9', 'all four parameters', [...agreed('permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=12; client_max_window_bits=12'), ...again(3, FAR)], [deflate('server_no_context_takeover', 'server_max_window_bits=12'), ...echoes(3, FAR)], '7692 7.1'],
    ['16.2.10', 'declined: compressed messages are protocol errors', [...offer('x-unknown'), heard(1), text(HELLO, { rsv: 4 })], [declined, closes(1002)], '6455 5.2'],
    ['16.2.11', 'declined: messages go uncompressed', [...offer('x-unknown'), heard(1), text(prose(3000))], [declined, unsqueezed(prose(3000))], '6455 9.1'],
  ],
}
