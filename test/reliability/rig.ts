import { type Registry, serveRegistry } from '../bake/registry.ts';
import { type FaultProxy, openFaultProxy } from './fault-proxy.ts';
import { removeLeftovers } from './leftovers.ts';
import { makeSmallCatalogue, type SmallCatalogue } from './small-catalogue.ts';

/**
 * The equipment to watch a publication: a registry, a proxy in front of it that can fail, and a catalogue to be published
 * there.
 */
export type Rig = {
  readonly registry: Registry;
  readonly proxy: FaultProxy;
  readonly catalogue: SmallCatalogue;
  /** Leaves nothing of them, nor of what was killed. */
  readonly close: () => Promise<void>;
};

/** @param agents names that nothing else in the engine has. */
export const openRig = async (agents: readonly string[]): Promise<Rig> => {
  const registry = await serveRegistry();
  const proxy = await openFaultProxy(registry.host);
  const catalogue = await makeSmallCatalogue(agents, registry.host);
  return {
    registry,
    proxy,
    catalogue,
    close: async () => {
      await catalogue.close();
      await removeLeftovers(agents);
      await proxy.close();
      await registry.close();
    },
  };
};
