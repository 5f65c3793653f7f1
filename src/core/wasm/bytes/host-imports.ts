// Answers: which functions does a proxy offer to modules. What a module imports besides, no proxy can link.
// Source: proxy-wasm-cpp-host, July 2026. Hosts of older proxies know fewer functions of WASI: the trial tells.
import type { Abi } from '../module.ts';

const proxy = [
  ...['log', 'get_status', 'set_property', 'get_property', 'send_local_response', 'get_shared_data', 'set_shared_data'],
  ...['register_shared_queue', 'resolve_shared_queue', 'dequeue_shared_queue', 'enqueue_shared_queue'],
  ...['get_header_map_value', 'add_header_map_value', 'replace_header_map_value', 'remove_header_map_value'],
  ...['get_header_map_pairs', 'set_header_map_pairs', 'get_header_map_size'],
  ...['get_buffer_status', 'get_buffer_bytes', 'set_buffer_bytes'],
  ...['http_call', 'grpc_call', 'grpc_stream', 'grpc_close', 'grpc_cancel', 'grpc_send'],
  ...['set_tick_period_milliseconds', 'get_current_time_nanoseconds'],
  ...['define_metric', 'increment_metric', 'record_metric', 'get_metric'],
  ...['set_effective_context', 'done', 'call_foreign_function'],
];

const proxyOf: Readonly<Record<Abi, readonly string[]>> = {
  '0.1.0': ['get_configuration', 'continue_request', 'continue_response', 'clear_route_cache'],
  '0.2.0': ['continue_stream', 'close_stream'],
  '0.2.1': ['continue_stream', 'close_stream', 'get_log_level'],
};

const env = ['pthread_equal', 'emscripten_notify_memory_growth'];

const wasi = [
  ...['fd_write', 'fd_read', 'fd_seek', 'fd_close', 'fd_fdstat_get', 'fd_fdstat_set_flags', 'fd_fdstat_set_rights'],
  ...['environ_get', 'environ_sizes_get', 'args_get', 'args_sizes_get', 'clock_time_get', 'clock_res_get'],
  ...['fd_advise', 'fd_allocate', 'fd_datasync', 'fd_filestat_set_size', 'fd_filestat_set_times', 'fd_pread'],
  ...['fd_pwrite', 'fd_readdir', 'fd_renumber', 'fd_sync', 'fd_tell', 'path_create_directory'],
  ...['path_filestat_set_times', 'path_link', 'path_readlink', 'path_remove_directory', 'path_rename', 'path_symlink'],
  ...['path_unlink_file', 'sock_accept', 'sock_recv', 'sock_send', 'sock_shutdown', 'random_get', 'sched_yield'],
  ...['poll_oneoff', 'proc_exit', 'path_open', 'fd_prestat_get', 'fd_prestat_dir_name', 'path_filestat_get'],
  ...['fd_filestat_get'],
];

function namesFor(abi: Abi): ReadonlySet<string> {
  return new Set([
    ...[...proxy, ...proxyOf[abi]].map((name) => `env.proxy_${name}`),
    ...env.map((name) => `env.${name}`),
    ...['wasi_unstable', 'wasi_snapshot_preview1'].flatMap((module) => wasi.map((name) => `${module}.${name}`)),
  ]);
}

const names: Readonly<Record<Abi, ReadonlySet<string>>> = {
  '0.1.0': namesFor('0.1.0'),
  '0.2.0': namesFor('0.2.0'),
  '0.2.1': namesFor('0.2.1'),
};

/** `module.name` of every function that a module of this ABI may import. */
export function hostImports(abi: Abi): ReadonlySet<string> {
  return names[abi];
}
