import { join } from 'node:path'
import { NOT_RUN_HERE, type ServiceDefinition } from './definition.ts'
import { stamped } from './stamp.ts'
import { escapeXml } from './xml.ts'

export function launchdLabel(name: string): string {
  return `org.lares.${name}`
}

/** A user agent for macOS (launchd.plist(5)). Generated, and not run here. */
export function launchdPlist({ name, command, dataDir }: ServiceDefinition): string {
  const string = (text: string) => `<string>${escapeXml(text)}</string>`
  return stamped((line) =>
    [
      '<?xml version="1.0" encoding="UTF-8"?>',
      '<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">',
      `<!-- ${NOT_RUN_HERE} ${line} -->`,
      '<plist version="1.0">',
      '<dict>',
      `  <key>Label</key>${string(launchdLabel(name))}`,
      '  <key>ProgramArguments</key>',
      '  <array>',
      ...command.map((word) => `    ${string(word)}`),
      '  </array>',
      `  <key>WorkingDirectory</key>${string(dataDir)}`,
      '  <key>RunAtLoad</key><true/>',
      '  <key>KeepAlive</key><dict><key>SuccessfulExit</key><false/></dict>',
      '  <key>ThrottleInterval</key><integer>10</integer>',
      '  <key>ProcessType</key><string>Background</string>',
      // Octal 077.
      '  <key>Umask</key><integer>63</integer>',
      `  <key>StandardErrorPath</key>${string(join(dataDir, 'service.log'))}`,
      '</dict>',
      '</plist>',
      '',
    ].join('\n'),
  )
}
