/** The command of one of the two. @throws with what installs it, where it is not here */
export declare function findPrometheus(name: 'prometheus' | 'promtool'): string
