/** What a hook returns for a message that is not to be passed on. By its name, because a config file may have a module of its own. */
export const DROP: unique symbol = Symbol.for('sidewire.drop')
