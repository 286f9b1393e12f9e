/** Builds the inspector's page into `dist/inspector`. */
export declare function buildInspectorPage(): Promise<void>
