// Answers: what does the filter do with a response. It adds one header, as its configuration says.
// Does not belong here: reading the configuration (settings.ts).
import {
  BaseContext,
  Context,
  Counter,
  FilterHeadersStatusValues,
  log,
  LogLevelValues,
  registerRootContext,
  RootContext,
  stream_context,
} from '@solo-io/proxy-runtime';
import { BufferTypeValues, get_buffer_bytes, getBaseContext } from '@solo-io/proxy-runtime/runtime';
import { readSettings, Settings } from './settings';

// What the proxy calls. Not all that the runtime has ("export *"): its calls for requests and for logs keep every context
// for ever, 40 bytes for each request, since the compiler does not release what it casts. Ours below does not cast.
export {
  free,
  malloc,
  proxy_abi_version_0_2_0,
  proxy_on_configure,
  proxy_on_context_create,
  proxy_on_delete,
  proxy_on_done,
  proxy_on_vm_start,
} from '@solo-io/proxy-runtime/proxy';

export function proxy_on_response_headers(id: u32, count: u32, endOfStream: u32): i32 {
  const base: BaseContext = getBaseContext(id);
  const context = changetype<AddHeader>(base);
  return context.onResponseHeaders(count, endOfStream != 0);
}

/** Once for each use of the filter: keeps its configuration. */
class AddHeaderRoot extends RootContext {
  settings: Settings = new Settings();
  /** On the proxy's metrics port under this name. */
  responses: Counter = new Counter('add_header_responses_total');

  /** False has the proxy refuse the configuration; what ran before goes on. */
  onConfigure(size: u32): bool {
    // RootContext's own writes beside its buffer, and without a root id it reads nothing
    const text =
      size == 0 ? '' : String.UTF8.decode(get_buffer_bytes(BufferTypeValues.PluginConfiguration, 0, size));
    const settings = readSettings(text);
    if (settings.problem != '') {
      log(LogLevelValues.error, 'Cannot use the configuration: ' + settings.problem);
      return false;
    }
    this.settings = settings;
    return true;
  }

  createContext(id: u32): Context {
    return new AddHeader(id, this);
  }
}

/** Once for each request. */
class AddHeader extends Context {
  private root: AddHeaderRoot;

  constructor(id: u32, root: AddHeaderRoot) {
    super(id, root);
    this.root = root;
  }

  onResponseHeaders(_count: u32, _endOfStream: bool): FilterHeadersStatusValues {
    const settings = this.root.settings;
    stream_context.headers.response.add(settings.name, settings.value);
    if (settings.version != '') stream_context.headers.response.add('x-filter-version', settings.version);
    this.root.responses.increment(1);
    return FilterHeadersStatusValues.Continue;
  }
}

// under its name, and for those who give none
registerRootContext((id: u32) => new AddHeaderRoot(id), 'add_header');
registerRootContext((id: u32) => new AddHeaderRoot(id), '');
