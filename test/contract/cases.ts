import { CASES as addresses } from './cases/addresses.ts'
import { CASES as admission } from './cases/admission.ts'
import { CASES as authentication } from './cases/authentication.ts'
import { CASES as broadcastOptions } from './cases/broadcast-options.ts'
import { CASES as close } from './cases/close.ts'
import { CASES as codec } from './cases/codec.ts'
import { CASES as codecs } from './cases/codecs.ts'
import { CASES as compression } from './cases/compression.ts'
import { CASES as configuration } from './cases/configuration.ts'
import { CASES as connection } from './cases/connection.ts'
import { CASES as control } from './cases/control.ts'
import { CASES as departure } from './cases/departure.ts'
import { CASES as drain } from './cases/drain.ts'
import { CASES as errors } from './cases/errors.ts'
import { CASES as fakeTimers } from './cases/fake-timers.ts'
import { CASES as faults } from './cases/faults.ts'
import { CASES as handler } from './cases/handler.ts'
import { CASES as heads } from './cases/heads.ts'
import { CASES as heartbeat } from './cases/heartbeat.ts'
import { CASES as http } from './cases/http.ts'
import { CASES as inbound } from './cases/inbound.ts'
import { CASES as json } from './cases/json.ts'
import { CASES as lifecycle } from './cases/lifecycle.ts'
import { CASES as limits } from './cases/limits.ts'
import { CASES as logging } from './cases/logging.ts'
import { CASES as onRequest } from './cases/on-request.ts'
import { CASES as origin } from './cases/origin.ts'
import { CASES as pause } from './cases/pause.ts'
import { CASES as prefix } from './cases/prefix.ts'
import { CASES as proxy } from './cases/proxy.ts'
import { CASES as raw } from './cases/raw.ts'
import { CASES as rooms } from './cases/rooms.ts'
import { CASES as schemas } from './cases/schemas.ts'
import { CASES as serialize } from './cases/serialize.ts'
import { CASES as tap } from './cases/tap.ts'
import { CASES as upstream } from './cases/upstream.ts'
import { CASES as upstreamHandshake } from './cases/upstream-handshake.ts'
import { CASES as upstreamHooks } from './cases/upstream-hooks.ts'
import { CASES as upstreamRecording } from './cases/upstream-recording.ts'
import type { Case } from './harness.ts'

/** Every promise of behaviour.md that can be seen from outside, by its sections. */
export const SECTIONS: Readonly<Record<string, readonly Case[]>> = {
  '1 configuration': [...configuration, ...addresses],
  '2 handler': [...handler, ...lifecycle, ...prefix, ...raw, ...codec],
  '3 connection and order': [...connection, ...serialize, ...drain, ...pause, ...fakeTimers],
  '3 closing': [...close, ...departure],
  '4 authentication': authentication,
  '5 rooms and broadcasts': [...rooms, ...broadcastOptions],
  '6 heartbeat': heartbeat,
  '7 compression': compression,
  '8 limits': limits,
  '8 inbound': inbound,
  '8 JSON': json,
  '8 admission': admission,
  '9 who may connect': [...origin, ...proxy],
  '10 errors': errors,
  '10 tap': tap,
  '13 schemas and codecs': [...schemas, ...codecs],
  '12 faults': faults,
  '10 logging': logging,
  '12 upstream': [...upstreamHandshake, ...upstream, ...upstreamHooks, ...upstreamRecording],
  '11 HTTP': [...http, ...heads, ...onRequest, ...control],
}
