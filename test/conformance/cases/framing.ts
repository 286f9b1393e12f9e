import { binary, bytes, chopped, closes, fill, frame, text, together, type Group } from '../notation.ts'

const MIB = 1024 * 1024

/** Each length that a frame can be written with, on both sides of every border. */
// oxfmt-ignore
export const FRAMING: Group = {
  id: '1',
  title: 'Framing and lengths',
  handshake: { path: '/echo' },
  cases: [
    ['1.1.1', 'text of 0 bytes', [text('')], [text('')], '6455 5.2'],
    ['1.1.2', 'text of 1 byte', [text('*')], [text('*')], '6455 5.2'],
    ['1.1.3', 'text of 124 bytes', [text(fill(124))], [text(fill(124))], '6455 5.2'],
    ['1.1.4', 'text of 125 bytes, the most that 7 bits carry', [text(fill(125))], [text(fill(125))], '6455 5.2'],
    ['1.1.5', 'text of 126 bytes, the least that 16 bits carry', [text(fill(126))], [text(fill(126))], '6455 5.2'],
    ['1.1.6', 'text of 127 bytes', [text(fill(127))], [text(fill(127))], '6455 5.2'],
    ['1.1.7', 'text of 128 bytes', [text(fill(128))], [text(fill(128))], '6455 5.2'],
    ['1.1.8', 'text of 65,535 bytes, the most that 16 bits carry', [text(fill(65_535))], [text(fill(65_535))], '6455 5.2'],
    ['1.1.9', 'text of 65,536 bytes, the least that 64 bits carry', [text(fill(65_536))], [text(fill(65_536))], '6455 5.2'],
    ['1.1.10', 'text of 65,537 bytes', [text(fill(65_537))], [text(fill(65_537))], '6455 5.2'],
    ['1.1.11', 'text of 1 MiB', [text(fill(MIB))], [text(fill(MIB))], '6455 5.2'],
    ['1.1.12', 'text of 4 MiB', [text(fill(4 * MIB))], [text(fill(4 * MIB))], '6455 5.2'],
    ['1.1.13', 'text of 16 MiB, just maxPayload', [text(fill(16 * MIB))], [text(fill(16 * MIB))], '6455 5.2'],

    ['1.2.1', 'binary of 0 bytes', [binary('')], [binary('')], '6455 5.2'],
    ['1.2.2', 'binary of 1 byte', [binary(bytes(1))], [binary(bytes(1))], '6455 5.2'],
    ['1.2.3', 'binary of 124 bytes', [binary(bytes(124))], [binary(bytes(124))], '6455 5.2'],
    ['1.2.4', 'binary of 125 bytes', [binary(bytes(125))], [binary(bytes(125))], '6455 5.2'],
    ['1.2.5', 'binary of 126 bytes', [binary(bytes(126))], [binary(bytes(126))], '6455 5.2'],
    ['1.2.6', 'binary of 127 bytes', [binary(bytes(127))], [binary(bytes(127))], '6455 5.2'],
    ['1.2.7', 'binary of 128 bytes', [binary(bytes(128))], [binary(bytes(128))], '6455 5.2'],
    ['1.2.8', 'binary of 65,535 bytes', [binary(bytes(65_535))], [binary(bytes(65_535))], '6455 5.2'],
    ['1.2.9', 'binary of 65,536 bytes', [binary(bytes(65_536))], [binary(bytes(65_536))], '6455 5.2'],
    ['1.2.10', 'binary of 65,537 bytes', [binary(bytes(65_537))], [binary(bytes(65_537))], '6455 5.2'],
    ['1.2.11', 'binary of 1 MiB', [binary(bytes(MIB))], [binary(bytes(MIB))], '6455 5.2'],
    ['1.2.12', 'binary of 4 MiB', [binary(bytes(4 * MIB))], [binary(bytes(4 * MIB))], '6455 5.2'],
    ['1.2.13', 'binary of 16 MiB, just maxPayload', [binary(bytes(16 * MIB))], [binary(bytes(16 * MIB))], '6455 5.2'],

    ['1.3.1', 'a length of 0 in 16 bits', [text('', { lengthBytes: 2 })], [closes(1002)], '6455 5.2'],
    ['1.3.2', 'a length of 5 in 16 bits', [text('Hello', { lengthBytes: 2 })], [closes(1002)], '6455 5.2'],
    ['1.3.3', 'a length of 125 in 16 bits', [text(fill(125), { lengthBytes: 2 })], [closes(1002)], '6455 5.2'],
    ['1.3.4', 'a length of 0 in 64 bits', [text('', { lengthBytes: 8 })], [closes(1002)], '6455 5.2'],
    ['1.3.5', 'a length of 5 in 64 bits', [text('Hello', { lengthBytes: 8 })], [closes(1002)], '6455 5.2'],
    ['1.3.6', 'a length of 126 in 64 bits', [text(fill(126), { lengthBytes: 8 })], [closes(1002)], '6455 5.2'],
    ['1.3.7', 'a length of 65,535 in 64 bits', [text(fill(65_535), { lengthBytes: 8 })], [closes(1002)], '6455 5.2'],
    ['1.3.8', 'a length of 5 in 64 bits, binary', [binary('Hello', { lengthBytes: 8 })], [closes(1002)], '6455 5.2'],
    ['1.3.9', 'a length of 5 in 16 bits, byte by byte', [chopped(1, text('Hello', { lengthBytes: 2 }))], [closes(1002)], '6455 5.2'],

    ['1.4.1', 'a length with its highest bit set', [binary('', { length: 2n ** 63n })], [closes(1002, 1009)], '6455 5.2'],
    ['1.4.2', 'a length of all ones', [binary('', { length: 2n ** 64n - 1n })], [closes(1002, 1009)], '6455 5.2'],
    ['1.4.3', 'a length of 2^63 - 1', [binary('', { length: 2n ** 63n - 1n })], [closes(1009)], '6455 7.4.1'],
    ['1.4.4', 'a length of 2^53', [binary('', { length: 2n ** 53n })], [closes(1009)], '6455 7.4.1'],
    ['1.4.5', 'a length of 2^32, whose lower half is 0', [binary('', { length: 2n ** 32n })], [closes(1009)], '6455 7.4.1'],
    ['1.4.6', 'a length of 2^32 + 5, whose lower half is small', [binary('Hello', { length: 2n ** 32n + 5n })], [closes(1009)], '6455 7.4.1'],

    ['1.5.1', 'messages of both kinds in turn', [text('a'), binary('b'), text('c')], [text('a'), binary('b'), text('c')], '6455 5.6'],
    ['1.5.2', 'many frames in one segment', [together(text('a'), binary('b'), text(''), text(fill(126)), binary(''))], [text('a'), binary('b'), text(''), text(fill(126)), binary('')], '6455 5.2'],
    ['1.5.3', 'binary that would be no UTF-8', [binary(Buffer.from([0xff, 0xfe, 0x80, 0x00]))], [binary(Buffer.from([0xff, 0xfe, 0x80, 0x00]))], '6455 5.6'],
    ['1.5.4', 'text with a zero byte', [text('a\0b')], [text('a\0b')], '6455 5.6'],
    ['1.5.5', 'a message behind a large one in one segment', [together(text(fill(65_536)), text('b'))], [text(fill(65_536)), text('b')], '6455 5.2'],
    ['1.5.6', 'a masking key of zeros', [frame(1, 'Hello', { mask: 0 })], [text('Hello')], '6455 5.3'],
    ['1.5.7', 'a masking key of ones', [frame(1, 'Hello', { mask: 0xff_ff_ff_ff })], [text('Hello')], '6455 5.3'],
    ['1.5.8', 'another masking key for each frame', [frame(1, 'abcdefg', { mask: 1 }), frame(1, 'abcdefg', { mask: 0x80_00_00_00 }), frame(1, 'abcdefg', { mask: 0x12_34_56_78 })], [text('abcdefg'), text('abcdefg'), text('abcdefg')], '6455 5.3'],
  ],
}
