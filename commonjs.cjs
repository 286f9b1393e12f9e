// What `require('sidewire')` gets where an ES module cannot be required: in Jest's CommonJS mode, first of all. Node
// (20.19, 22.12 and newer) and Bun require the ES module itself. Without this file the caller would read "Unexpected
// token 'export'", which says nothing of the cure.
throw new Error(
  'sidewire is an ES module, and this loader cannot require one. In Jest: run it with ' +
    'NODE_OPTIONS=--experimental-vm-modules and write the test as an ES module (.mjs, or "type": "module"), ' +
    'or start the server in a process of its own (npx sidewire serve). In Node: 20.19, 22.12 or newer',
)
