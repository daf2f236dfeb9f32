import { NOT_RUN_HERE, type ServiceDefinition } from './definition.ts'
import { stamped } from './stamp.ts'
import { escapeXml } from './xml.ts'

/** A task for Windows' Task Scheduler (Task Scheduler Schema 1.2): at log-on, again after a failure. Not run here. */
export function scheduledTask({ command, dataDir }: ServiceDefinition): string {
  const [program = '', ...args] = command
  return stamped((line) =>
    [
      // The encoding that schtasks expects; the file is written in it.
      '<?xml version="1.0" encoding="UTF-16"?>',
      `<!-- ${NOT_RUN_HERE} ${line} -->`,
      '<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">',
      '  <RegistrationInfo><Description>Lares relay</Description></RegistrationInfo>',
      '  <Triggers><LogonTrigger><Enabled>true</Enabled></LogonTrigger></Triggers>',
      '  <Principals>',
      '    <Principal id="Author">',
      '      <LogonType>InteractiveToken</LogonType><RunLevel>LeastPrivilege</RunLevel>',
      '    </Principal>',
      '  </Principals>',
      '  <Settings>',
      '    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>',
      '    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>',
      '    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>',
      '    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>',
      '    <RestartOnFailure><Interval>PT1M</Interval><Count>10</Count></RestartOnFailure>',
      '  </Settings>',
      '  <Actions Context="Author">',
      '    <Exec>',
      `      <Command>${escapeXml(program)}</Command>`,
      `      <Arguments>${escapeXml(args.map(quoted).join(' '))}</Arguments>`,
      `      <WorkingDirectory>${escapeXml(dataDir)}</WorkingDirectory>`,
      '    </Exec>',
      '  </Actions>',
      '</Task>',
      '',
    ].join('\r\n'),
  )
}

/** One argument as the C runtime of Windows takes it apart: backslashes count double before a quote. */
function quoted(word: string): string {
  if (/^[^\s"]+$/.test(word)) return word
  return `"${word.replace(/(\\*)("|$)/g, (_, slashes: string, quote: string) => slashes + slashes + (quote && '\\"'))}"`
}
