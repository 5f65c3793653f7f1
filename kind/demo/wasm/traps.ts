// Answers: what becomes of a filter that fails before its first request. It traps when it is started.
export * from '@solo-io/proxy-runtime/proxy';

import { registerRootContext, RootContext } from '@solo-io/proxy-runtime';

class Traps extends RootContext {
  onStart(_size: usize): bool {
    throw new Error('this version is broken');
  }
}

registerRootContext((id: u32) => new Traps(id), '');
