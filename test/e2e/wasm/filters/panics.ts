// Answers: what is seen of a filter that fails at run time. It aborts on a request with header x-panic.
export * from '@solo-io/proxy-runtime/proxy';

import {
  Context,
  FilterHeadersStatusValues,
  RootContext,
  registerRootContext,
  stream_context,
} from '@solo-io/proxy-runtime';

class PanicsRoot extends RootContext {
  createContext(id: u32): Context {
    return new Panics(id, this);
  }
}

class Panics extends Context {
  onRequestHeaders(_count: u32, _endOfStream: bool): FilterHeadersStatusValues {
    if (stream_context.headers.request.get('x-panic') != '') throw new Error('somebody asked for it');
    return FilterHeadersStatusValues.Continue;
  }
}

registerRootContext((id: u32) => new PanicsRoot(id), '');
