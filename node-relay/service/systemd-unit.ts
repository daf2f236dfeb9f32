import type { ServiceDefinition } from './definition.ts'
import { stamped } from './stamp.ts'

/**
 * A unit for systemd's manager of one user (systemd.service(5), systemd.exec(5)).
 *
 * What the manager of a user may forbid without rights of its own stands first. `ProtectSystem` and the like need a
 * user namespace; where the system allows none, systemd leaves them out by itself, and does so for these only as long as
 * nothing is mounted elsewhere, which is why there is no PrivateTmp. MemoryDenyWriteExecute is no choice: V8 compiles.
 */
export function systemdUnit({ command, dataDir, writable, memory }: ServiceDefinition): string {
  return stamped((line) =>
    [
      `# ${line}`,
      '# "lares service uninstall" removes it. Own settings belong into: systemctl --user edit',
      '[Unit]',
      'Description=Lares relay',
      'Documentation=https://www.freedesktop.org/software/systemd/man/systemd.service.html',
      // A relay that cannot start (a taken port, a full disk) is not tried for ever.
      'StartLimitIntervalSec=600',
      'StartLimitBurst=10',
      '',
      '[Service]',
      'Type=exec',
      `ExecStart=${command.map(quoted).join(' ')}`,
      `WorkingDirectory=${escaped(dataDir)}`,
      'Restart=on-failure',
      'RestartSec=5',
      // A command line that is not understood is not better the next time.
      'RestartPreventExitStatus=2',
      'TimeoutStopSec=30',
      'UMask=0077',
      '',
      '# Bounds: docs/LIMITS.md says what they are made of.',
      `MemoryHigh=${memory.high}M`,
      `MemoryMax=${memory.max}M`,
      'TasksMax=256',
      'LimitNOFILE=8192',
      'LimitCORE=0',
      '',
      '# It needs no more rights than these.',
      'NoNewPrivileges=yes',
      'RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK',
      'RestrictNamespaces=yes',
      'RestrictRealtime=yes',
      'RestrictSUIDSGID=yes',
      'LockPersonality=yes',
      'SystemCallArchitectures=native',
      'SystemCallFilter=@system-service',
      'SystemCallErrorNumber=EPERM',
      'ProtectSystem=strict',
      ...writable.map((path) => `ReadWritePaths=${quoted(path)}`),
      'ProtectKernelTunables=yes',
      'ProtectKernelModules=yes',
      'ProtectKernelLogs=yes',
      'ProtectControlGroups=yes',
      'ProtectClock=yes',
      'ProtectHostname=yes',
      '',
      '[Install]',
      'WantedBy=default.target',
      '',
    ].join('\n'),
  )
}

/** `%` begins a specifier everywhere. */
function escaped(text: string): string {
  return text.replaceAll('%', '%%')
}

/** One word of a command line: quotes, backslashes, and `$`, which would be a variable. */
function quoted(word: string): string {
  const inner = escaped(word).replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('$', '$$$$')
  return /^[\w@%+=:,./-]+$/.test(inner) ? inner : `"${inner}"`
}
