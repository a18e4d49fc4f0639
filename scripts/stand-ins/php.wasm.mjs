// Stand-in for PHP 8.5: the real interpreter as WebAssembly, on the real file system and with the real environment.
// Child processes work; listening sockets and signals do not.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import { getPHPLoaderModule } from '@php-wasm/node-8-5';
import { loadPHPRuntime, popLoadedRuntime } from '@php-wasm/universal';

const env = {
  ...process.env,
  PHP_INI_SCAN_DIR: process.env.PHP_INI_SCAN_DIR ?? '/usr/local/etc/php/conf.d',
};

// Standard input is read when PHP asks for it, a block at a time. A byte is what Emscripten wants, null means the end.
const input = { block: Buffer.alloc(65536), length: 0, at: 0 };
function readByte() {
  while (input.at === input.length) {
    try {
      input.length = fs.readSync(0, input.block);
      input.at = 0;
    } catch (error) {
      if (error.code !== 'EAGAIN') return null;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
      continue;
    }
    if (input.length === 0) return null;
  }
  return input.block[input.at++];
}

function write(descriptor, bytes) {
  for (let at = 0; at < bytes.length;) {
    try {
      at += fs.writeSync(descriptor, bytes, at);
    } catch (error) {
      if (error.code === 'EPIPE') process.exit(141);
      if (error.code !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
    }
  }
}

const php = popLoadedRuntime(
  await loadPHPRuntime(await getPHPLoaderModule(), { ENV: env, stdin: readByte }),
);
php.onStdout = (bytes) => write(1, bytes);
php.onStderr = (bytes) => write(2, bytes);

// A command in one string is for the shell, one with arguments is not. A child counts as ended when its output has been
// read too; otherwise the last lines get lost.
php.spawnProcess = (command, args, options) => {
  const child = spawn(command, args, { ...options, shell: args.length === 0 });
  const on = child.on.bind(child);
  child.on = (event, listener) => on(event === 'exit' ? 'close' : event, listener);
  return child;
};

// Every real directory appears under its own name, except those that the interpreter brings itself.
const own = new Set(php.FS.readdir('/').filter((name) => !['home', 'tmp'].includes(name)));
for (const name of fs.readdirSync('/')) {
  if (own.has(name)) continue;
  const path = `/${name}`;
  if (!php.FS.analyzePath(path).exists) {
    if (fs.lstatSync(path).isSymbolicLink()) {
      php.FS.symlink(fs.readlinkSync(path), path);
      continue;
    }
    if (!fs.statSync(path).isDirectory()) continue;
    php.FS.mkdir(path);
  }
  php.FS.mount(php.FS.filesystems.NODEFS, { root: path }, path);
}
php.FS.chdir(process.cwd());

const ini = `${env.PHPRC ?? '/usr/local/etc/php'}/php.ini`;
php.ccall('wasm_set_phpini_path', null, ['string'], [ini]);
for (const argument of ['php', ...process.argv.slice(2)]) {
  php.ccall('wasm_add_cli_arg', null, ['string'], [argument]);
}
try {
  process.exitCode = await php.ccall('run_cli', 'number', [], [], { async: true });
} catch (error) {
  if (error?.name !== 'ExitStatus') throw error;
  process.exitCode = error.status;
}
process.exit();
