import type { RuntimeCapabilities } from '../../src/engine/runtime.ts'
import { FAR } from './cases/deflate.ts'
import {
  binary,
  closes,
  declined,
  deflate,
  dropped,
  pong,
  refused,
  switched,
  text,
  unanswered,
  type Case,
  type Expected,
  type SentFrame,
} from './notation.ts'
import type { Tested, Way } from './servers.ts'
import type { UwsHttp } from './uws-http.ts'

type Outcome = readonly (Expected | SentFrame)[]

/** Whose HTTP parser reads the handshake: through Vite that is the one of Vite's server. */
type HttpParser = 'uWebSockets.js' | 'Bun.serve' | 'node:http' | "Bun's node:http"

/** Where a case is run. */
export interface Place {
  readonly runtime: Tested
  readonly way: Way
  readonly capabilities: RuntimeCapabilities
  /** Of this Node's `node:http`: see ./tabs.ts. */
  readonly tabsHideUpgrades: boolean
  /** Of this build of uWebSockets.js: see ./uws-http.ts. */
  readonly uwsHttp: UwsHttp
}

function httpParserOf({ runtime, way }: Pick<Place, 'runtime' | 'way'>): HttpParser {
  if (runtime === 'bun') return way === 'vite' ? "Bun's node:http" : 'Bun.serve'
  return runtime === 'uws' && way === 'direct' ? 'uWebSockets.js' : 'node:http'
}

/** Why a case may come out otherwise. */
export interface Note {
  readonly verdict: 'informational' | 'native'
  /** What happens, in a few words. */
  readonly title: string
  /** `informational`: the words that allow it. */
  readonly quotes?: readonly string[]
  /** `native`: what shows that the runtime's own parser does it, besides the run against the runtime without us. */
  readonly evidence?: string
  /** `native`: whether ../shared/design/architecture.md had it before this suite found it. */
  readonly known?: boolean
  readonly advice?: string
}

const UWS_TEXT =
  'uWebSockets.js reports 1006 to its `close` handler once the socket is gone; what it got before is not shown to anybody'
const OTHER_RUNTIME = "where that matters, take `runtime: 'ws'`, or Bun"

// oxfmt-ignore
export const NOTES: Readonly<Record<string, Note>> = {
  LENGTH: { verdict: 'informational', title: 'a length in more bytes than needed is taken',
    quotes: ['RFC 6455 5.2: "in all cases, the minimal number of bytes MUST be used to encode the length" is said to who sends; nothing is said of who receives'] },
  LATE: { verdict: 'informational', title: 'invalid UTF-8 is found when the message is complete, not before',
    quotes: ['RFC 6455 5.6: "a particular text frame might include a partial UTF-8 sequence; however, the whole message MUST contain valid UTF-8"'] },
  WAIT: { verdict: 'informational', title: 'frames in the same segment as the handshake are dropped',
    quotes: ['RFC 6455 4.1: "Once the client\'s opening handshake has been sent, the client MUST wait for a response from the server before sending any further data."'] },
  WINDOW: { verdict: 'informational', title: 'an offer that asks for a window which the runtime cannot keep to is declined',
    quotes: ['RFC 7692 7.1.2.1: "A server declines an extension negotiation offer with this parameter if the server doesn\'t support it."'] },
  SMALLER: { verdict: 'informational', title: 'a smaller window than the one asked for is agreed on',
    quotes: ['RFC 7692 7.1.2.1: "including the "server_max_window_bits" extension parameter in the extension negotiation response to send back to the client with the same or smaller value as the offer"'] },
  EMPTY_LINE: { verdict: 'informational', title: 'an empty line before the request is not skipped',
    quotes: ['RFC 9112 2.2: "a server that is expecting to receive and parse a request-line SHOULD ignore at least one empty line (CRLF) received prior to the request-line"'] },
  SPACES: { verdict: 'informational', title: 'spaces between the parts of the request line are skipped',
    quotes: ['RFC 9112 3: "recipients MAY instead parse on whitespace-delimited word boundaries"'] },
  METHOD: { verdict: 'informational', title: 'a method that is none ends the connection instead of getting 501',
    quotes: ['RFC 9110 9.1: "An origin server that receives a request method that is unrecognized or not implemented SHOULD respond with the 501 (Not Implemented) status code."'] },
  PIPELINE: { verdict: 'informational', title: 'a refused request with another one behind it in the packet ends the connection without an answer',
    quotes: ['RFC 9112 9.5: "A client, server, or proxy MAY close the transport connection at any time."'] },
  IGNORED: { verdict: 'informational', title: 'an upgrade behind an unanswered request is taken for a plain request',
    quotes: ['RFC 9110 7.8: "A server MAY ignore a received Upgrade header field if it wishes to continue using the current protocol on that connection."'] },

  NO_CLOSE: { verdict: 'native', known: true, title: 'no close frame precedes the end of the connection on a protocol error, invalid data or gross excess',
    evidence: `${UWS_TEXT}; \`onClose\` and \`stats()\` have 1002, 1007 and 1009 all the same (RFC 6455 7.1.7 asks for the frame with SHOULD)`, advice: OTHER_RUNTIME },
  LOST: { verdict: 'native', known: true, title: 'the answer to a message is lost if a broken frame is in the same segment',
    evidence: 'what is still corked goes with the socket', advice: OTHER_RUNTIME },
  LATE_NO_CLOSE: { verdict: 'native', known: true, title: 'invalid UTF-8 is found when the message is complete, which is allowed (see LATE), and no close frame is sent, which is not',
    evidence: UWS_TEXT, advice: OTHER_RUNTIME },
  MIXED: { verdict: 'native', known: true, title: 'a binary frame inside of a fragmented message is taken for its continuation',
    evidence: 'a text frame in the same place is refused', advice: OTHER_RUNTIME },
  CLOSE_CODE: { verdict: 'native', known: true, title: 'the codes 1012-1014 and 3000-3999 are taken for invalid, and answered with an empty close frame',
    evidence: 'uWebSockets.js reports 1006 `Received invalid close payload`; the code is lost', advice: OTHER_RUNTIME },
  CLOSE_PAYLOAD: { verdict: 'native', known: true, title: 'an invalid code, an invalid reason and a payload of 1 byte are answered with an empty close frame instead of 1002 or 1007',
    evidence: 'uWebSockets.js reports 1006 `Received invalid close payload`, or 1005', advice: OTHER_RUNTIME },
  MASK: { verdict: 'native', known: true, title: 'an unmasked frame is read as if it were masked',
    evidence: 'the four bytes behind the length become the key: the cases send zeros there, and the echo is what followed', advice: OTHER_RUNTIME },
  RSV1_CONTROL: { verdict: 'native', known: true, title: 'RSV1 on a control frame is overlooked once permessage-deflate is agreed on',
    evidence: 'without the extension the same frames are refused (3.3.3, 3.3.6, 3.3.9)', advice: OTHER_RUNTIME },
  BFINAL: { verdict: 'native', known: false, title: 'a DEFLATE block with BFINAL set ends the connection (RFC 7692 7.2.3.4 has it as one of the ways to send)',
    evidence: 'uWebSockets.js reports 1006 `Received too big message, or other inflation error`, with SHARED_DECOMPRESSOR and with DEDICATED_DECOMPRESSOR', advice: OTHER_RUNTIME },
  SPLIT_HEAD: { verdict: 'native', known: false, title: 'a compressed message of 126 bytes or more ends the connection if it comes in two segments, split in the last bytes of its head',
    evidence: 'behind 6 or 7 bytes of 8, or 6 to 13 of 14: the head is looked at again with the rest, and `setCompressed` of WebSocketProtocol.h lets RSV1 pass once only (told of in the review of oven-sh/bun#33001; Bun 1.4.5 does not do it). `onClose` has 1002', advice: "rare: segments end there by chance only; where clients compress much, take `runtime: 'ws'`, or Bun" },
  REQUEST_LINE: { verdict: 'native', known: false, title: 'a request line that comes in two segments, split before or behind its target, gets 505',
    evidence: 'of `GET /x HTTP/1.1` and CRLF split at each byte, a first segment of 4 or of 7 to 16 bytes gets 505, any other 101; build 20.57.0 takes all of them', advice: "clients write a handshake in one piece; where something in between does not, take a newer build, `runtime: 'ws'`, or Bun" },
  ABSOLUTE: { verdict: 'native', known: false, title: 'a target in absolute form gets 505',
    evidence: 'uWebSockets.js answers by itself, and calls no handler', advice: 'only clients of a proxy send it; ' + OTHER_RUNTIME },
  MUTE: { verdict: 'native', known: false, title: 'a malformed head gets no answer: uWebSockets.js waits for more, and gives up after about 10 seconds',
    evidence: 'no handler is called, and no byte is sent; build 20.57.0 answers 400, but for a request line without a version (12.4.9) and a bare CR (12.10.11)', advice: OTHER_RUNTIME },
  NAMELESS: { verdict: 'native', known: false, title: 'a header without a name ends the list of headers, and the request is served',
    evidence: '`req.forEach` shows neither it nor any header behind it', advice: OTHER_RUNTIME },
  TABS: { verdict: 'native', known: false, title: 'tabs around the value of Connection hide the upgrade from Node, and the request is refused',
    evidence: '`node:http` of Node 20 emits `request` in place of `upgrade`, that of Node 22 and 24 does not; spaces are fine (12.1.12)', advice: "where that matters, take uWebSockets.js or Bun without Vite in front" },
  HTTP10: { verdict: 'native', known: true, title: 'a handshake over HTTP/1.0 is served',
    evidence: '`Request` of Bun.serve has no HTTP version', advice: "where that matters, take `runtime: 'uws'` or `'ws'` on Node" },
}

/** The last thing expected, replaced. */
const instead =
  (last: Expected) =>
  (expected: Outcome): Outcome => [...expected.slice(0, -1), last]
const withoutClose = instead(dropped)
const emptyClose = instead(closes(1005))
/** As if nothing had been wrong: an echo for each message. */
const echoed = (_: Outcome, [, , send]: Case): Outcome =>
  send.flatMap((step) =>
    step.kind === 'frame' ? [step] : step.kind === 'chopped' ? (step.steps as SentFrame[]) : [],
  )

export interface Exception {
  /** `1.3` stands for all below it. The first exception that a case is in counts. */
  readonly cases: readonly string[]
  readonly where: (place: Place) => boolean
  /** Its name in {@link NOTES}. */
  readonly note: string
  /** What comes back instead. */
  readonly outcome: Outcome | ((expected: Outcome, theCase: Case) => Outcome)
}

const everywhere = (): boolean => true
const on =
  (...runtimes: Tested[]) =>
  ({ runtime }: Place): boolean =>
    runtimes.includes(runtime)
const http =
  (...parsers: HttpParser[]) =>
  (place: Place): boolean =>
    parsers.includes(httpParserOf(place))
/** As {@link http}, where the build of uWebSockets.js does so. */
const uwsThat =
  (does: keyof UwsHttp) =>
  (place: Place): boolean =>
    httpParserOf(place) === 'uWebSockets.js' && place.uwsHttp[does]
const noCloseFrame = ({ capabilities }: Place): boolean => !capabilities.closeFrameOnParserError
const lostCodes = ({ capabilities }: Place): boolean => !capabilities.everyCloseCode
const noWindow =
  (bits: number) =>
  ({ capabilities }: Place): boolean =>
    !capabilities.serverWindowBits.includes(bits)

const keepsContext = ({ capabilities }: Place): boolean => !capabilities.smallWindowWithoutTakeover

/** All that may come out otherwise than the table says, and how. One that a case does not need fails the run. */
// oxfmt-ignore
export const EXCEPTIONS: readonly Exception[] = [
  { cases: ['1.3'], where: everywhere, note: 'LENGTH', outcome: echoed },

  { cases: ['6.3'], where: noCloseFrame, note: 'LATE_NO_CLOSE', outcome: [pong('late'), dropped] },
  { cases: ['6.3'], where: everywhere, note: 'LATE', outcome: [pong('late'), closes(1007)] },

  { cases: ['3.4.6', '4.1.10', '4.2.11', '5.3.8'], where: noCloseFrame, note: 'LOST', outcome: [dropped] },
  { cases: ['5.4.3', '5.4.6'], where: on('uws'), note: 'MIXED', outcome: [binary('Helnew')] },
  { cases: ['5.4.4'], where: on('uws'), note: 'MIXED', outcome: [binary('Helnew!')] },
  { cases: ['7.1.11', '7.1.12', '7.1.13', '7.1.14', '7.1.15', '7.1.16'], where: lostCodes, note: 'CLOSE_CODE', outcome: emptyClose },
  { cases: ['7.2', '7.3.8', '7.3.9', '7.3.10', '7.3.11', '7.3.12', '7.3.13', '7.5.9'], where: on('uws'), note: 'CLOSE_PAYLOAD', outcome: emptyClose },

  { cases: ['9.1.1', '9.1.10'], where: on('uws'), note: 'MASK', outcome: [text('oops')] },
  { cases: ['9.1.2'], where: on('uws'), note: 'MASK', outcome: [binary('oops')] },
  { cases: ['9.1.3'], where: on('uws'), note: 'MASK', outcome: [text('')] },
  { cases: ['9.1.4'], where: on('uws'), note: 'MASK', outcome: [pong('oops')] },
  { cases: ['9.1.5'], where: on('uws'), note: 'MASK', outcome: [] },
  { cases: ['9.1.6'], where: on('uws'), note: 'MASK', outcome: [closes(1000)] },
  { cases: ['9.1.7'], where: on('uws'), note: 'MASK', outcome: [text('oops!')] },
  { cases: ['9.1.8'], where: on('uws'), note: 'MASK', outcome: [text('whoops')] },
  { cases: ['9.1.9'], where: on('uws'), note: 'MASK', outcome: [text('first'), text('oops')] },

  { cases: ['14.2.4', '14.3.5'], where: on('uws'), note: 'BFINAL', outcome: [dropped] },
  { cases: ['14.7.3', '14.7.4', '14.7.7', '14.7.8'], where: on('uws'), note: 'SPLIT_HEAD', outcome: [dropped] },
  { cases: ['14.6.3'], where: on('uws'), note: 'RSV1_CONTROL', outcome: [pong('x')] },
  { cases: ['14.6.4'], where: on('uws'), note: 'RSV1_CONTROL', outcome: [] },
  { cases: ['14.6.5'], where: on('uws'), note: 'RSV1_CONTROL', outcome: [closes(1000)] },
  { cases: ['14.6.6'], where: on('uws'), note: 'RSV1_CONTROL', outcome: (_, [, , send]) => [{ ...(send[0] as SentFrame), opcode: 10 }] },
  { cases: ['14.6.11'], where: on('uws'), note: 'RSV1_CONTROL', outcome: (_, [, , send]) => [text('first'), { ...(send[2] as SentFrame), opcode: 10 }] },

  { cases: ['1.4', '2.2', '2.6.1', '2.6.2', '2.6.3', '2.6.4', '3', '4', '5.3', '5.4'], where: noCloseFrame, note: 'NO_CLOSE', outcome: withoutClose },
  { cases: ['6.2.1', '6.2.2', '6.2.3', '6.2.4', '6.2.5', '6.2.6', '6.2.7', '6.2.8', '6.2.9', '6.2.10', '6.2.11', '6.2.12', '6.2.13'], where: noCloseFrame, note: 'NO_CLOSE', outcome: withoutClose },
  { cases: ['6.5.1', '6.5.3', '6.5.4', '6.5.6', '6.5.8', '6.5.10', '6.7.5', '6.7.6', '6.7.10', '6.7.11', '6.7.12', '6.7.17', '6.8', '6.9', '6.10', '6.11', '6.12', '6.13', '6.14'], where: noCloseFrame, note: 'NO_CLOSE', outcome: withoutClose },
  { cases: ['7.3.6', '7.3.7', '7.3.14', '7.5.7', '10.2', '12.12.7'], where: noCloseFrame, note: 'NO_CLOSE', outcome: withoutClose },
  { cases: ['14.2.11', '14.2.12', '14.2.13', '14.2.14', '14.2.15', '14.2.16', '14.6', '15.1.5', '16.1.10', '16.2.10'], where: noCloseFrame, note: 'NO_CLOSE', outcome: withoutClose },

  { cases: ['12.1.15'], where: http('uWebSockets.js'), note: 'ABSOLUTE', outcome: [refused(505)] },
  { cases: ['12.1.21', '12.1.22'], where: uwsThat('refusesSplitLine'), note: 'REQUEST_LINE', outcome: [refused(505)] },
  { cases: ['12.1.23'], where: http('uWebSockets.js'), note: 'EMPTY_LINE', outcome: [unanswered] },
  { cases: ['12.1.23'], where: http('Bun.serve'), note: 'EMPTY_LINE', outcome: [refused(400)] },
  { cases: ['12.1.27'], where: (place) => place.tabsHideUpgrades && httpParserOf(place) === 'node:http', note: 'TABS', outcome: [refused(400, 404, 426)] },
  { cases: ['12.4.5', '12.4.6'], where: http('Bun.serve'), note: 'METHOD', outcome: [dropped] },
  { cases: ['12.4.7'], where: (place) => !place.capabilities.refusesHttp10 && place.way === 'direct', note: 'HTTP10', outcome: [switched()] },
  { cases: ['12.4.12'], where: http('node:http'), note: 'SPACES', outcome: [switched()] },
  { cases: ['12.10.6'], where: http('uWebSockets.js'), note: 'NAMELESS', outcome: [switched()] },
  { cases: ['12.4.9', '12.10.11'], where: http('uWebSockets.js'), note: 'MUTE', outcome: [unanswered] },
  { cases: ['12.10.1', '12.10.2', '12.10.3', '12.10.4', '12.10.5', '12.10.7', '12.10.8', '12.10.9', '12.10.10', '12.10.13', '12.10.14', '12.11.14', '12.11.15'], where: uwsThat('waitsBehindMalformed'), note: 'MUTE', outcome: [unanswered] },
  { cases: ['12.11.7', '12.12.9', '12.12.10'], where: http('uWebSockets.js'), note: 'PIPELINE', outcome: [dropped] },
  { cases: ['12.12.1', '12.12.2', '12.12.3', '12.12.5', '12.12.6'], where: http('uWebSockets.js'), note: 'WAIT', outcome: [switched()] },
  { cases: ['12.12.4'], where: http('uWebSockets.js'), note: 'WAIT', outcome: [switched(), dropped] },
  { cases: ['12.12.5', '12.12.6'], where: noCloseFrame, note: 'NO_CLOSE', outcome: withoutClose },
  { cases: ['12.12.8'], where: http("Bun's node:http"), note: 'IGNORED', outcome: [refused(404), refused(404)] },

  { cases: ['13.2.5'], where: noWindow(8), note: 'WINDOW', outcome: [declined] },
  { cases: ['13.2.6'], where: noWindow(9), note: 'WINDOW', outcome: [declined] },
  { cases: ['13.2.7', '13.2.13'], where: noWindow(10), note: 'WINDOW', outcome: [declined] },
  { cases: ['13.2.8'], where: noWindow(11), note: 'WINDOW', outcome: [declined] },
  { cases: ['13.2.9'], where: noWindow(12), note: 'WINDOW', outcome: [declined] },
  { cases: ['13.2.14'], where: keepsContext, note: 'WINDOW', outcome: [declined] },
  { cases: ['13.2.10'], where: noWindow(13), note: 'WINDOW', outcome: [declined] },
  { cases: ['13.2.11'], where: noWindow(14), note: 'WINDOW', outcome: [declined] },
  { cases: ['16.2.1'], where: noWindow(9), note: 'WINDOW', outcome: [declined, text(FAR), text(FAR), text(FAR)] },
  { cases: ['16.2.2'], where: noWindow(10), note: 'WINDOW', outcome: [declined, text(FAR), text(FAR), text(FAR)] },
  { cases: ['16.2.3'], where: noWindow(12), note: 'WINDOW', outcome: [declined, text(FAR), text(FAR), text(FAR)] },
  { cases: ['16.2.5', '16.2.9'], where: keepsContext, note: 'WINDOW', outcome: [declined, text(FAR), text(FAR), text(FAR)] },
  { cases: ['13.2.7', '13.2.8', '13.2.9', '13.2.10', '13.2.11', '13.2.12', '13.2.13'], where: on('uws'), note: 'SMALLER', outcome: [deflate('server_max_window_bits=9')] },
  { cases: ['16.2.2', '16.2.3', '16.2.4'], where: on('uws'), note: 'SMALLER', outcome: (expected) => [deflate('server_max_window_bits=9'), ...expected.slice(1)] },
]
