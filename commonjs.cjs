// What `require('sidewire')` gets: the ES module itself, which Node (20.19, 22.12 and newer) and Bun can require. Jest's
// CommonJS mode cannot, and what it says of it does not name the cure. Its types are those of the ES module too, so that
// TypeScript allows a `require` just where Node does: what attw calls `false-esm` is meant.
try {
  module.exports = require('./dist/index.js')
} catch (cause) {
  if (cause.name !== 'SyntaxError' && cause.code !== 'ERR_REQUIRE_ESM') throw cause
  throw new Error(
    'sidewire is an ES module, and this loader cannot require one. In Jest: run it with ' +
      'NODE_OPTIONS=--experimental-vm-modules and take it with await import("sidewire"), or with an import in an ES module, ' +
      'or start the server in a process of its own (npx sidewire serve). In Node: 20.19, 22.12 or newer',
    { cause },
  )
}
