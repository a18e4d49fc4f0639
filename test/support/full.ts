/**
 * Whether the full product is asked for (`GATE=full`): all pairs of agents and runtimes on both platforms, real agents and long
 * series. Without it, tests take the smallest fixtures and pairs that show the same claims.
 */
export const isFull = process.env['GATE'] === 'full';
