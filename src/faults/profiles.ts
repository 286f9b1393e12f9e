import type { Faults } from '../engine/handler/faults.ts'

// Networks by their names, to spread: `faults: { ...slow3g, seed: 7 }`. A latency is one way; the two together are what the
// developer tools of Chrome call latency, and their throughput is what is left of it there (docs/guide/faults.md).

function network(roundTrip: number, down: number, up: number): Faults {
  const latency = roundTrip / 2
  return { latency, bandwidth: down, incoming: { latency, bandwidth: up } }
}

/** Round trip 2,000 ms; 50,000 bytes a second both ways. */
export const slow3g: Faults = network(2000, 50_000, 50_000)
/** Round trip 562.5 ms; 180,000 bytes a second to the client, 84,375 from it. Chrome has called it "Fast 3G", too. */
export const slow4g: Faults = network(562.5, 180_000, 84_375)
/** Round trip 165 ms; 1,012,500 bytes a second to the client, 168,750 from it. */
export const fast4g: Faults = network(165, 1_012_500, 168_750)
/** From 50 to 400 ms each way, and a connection in two is cut after 5 to 30 s. Nothing else is lost: TCP sees to that. */
export const flaky: Faults = {
  latency: [50, 400],
  incoming: { latency: [50, 400] },
  disconnect: { connections: 0.5, after: [5000, 30_000] },
}
/** No handshake gets an answer, and who is connected is cut. */
export const offline: Faults = { handshake: { refuse: 1, with: 'hangup' }, disconnect: {} }
