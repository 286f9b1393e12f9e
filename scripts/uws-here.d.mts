/** Why uWebSockets.js cannot load in this Node; `undefined` where it has to. */
export declare function whyNoUws(): string | undefined
