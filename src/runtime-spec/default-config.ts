/**
 * What the image does not say and the image-spec leaves to the converter: the defaults of `runc spec`, so that a
 * bundle runs as people expect of it.
 */
import type { RuntimeConfig, RuntimeMount } from './runtime-config.ts'

/** The version of the runtime-spec that is written: every field is of it, and runtimes since 2019 take it. */
const RUNTIME_SPEC_VERSION = '1.0.2'

/** What a shell without a `PATH` would be given. */
export const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** Capabilities of root in the container. None is inheritable: CVE-2022-29162. */
const CAPABILITIES = ['CAP_AUDIT_WRITE', 'CAP_KILL', 'CAP_NET_BIND_SERVICE'] as const

/** The configuration that an image's values are put into. */
export function defaultConfig(): RuntimeConfig {
  return {
    ociVersion: RUNTIME_SPEC_VERSION,
    process: {
      terminal: false,
      user: { uid: 0, gid: 0 },
      args: ['sh'],
      env: [],
      cwd: '/',
      capabilities: { bounding: CAPABILITIES, effective: CAPABILITIES, permitted: CAPABILITIES },
      rlimits: [{ type: 'RLIMIT_NOFILE', hard: 1024, soft: 1024 }],
      noNewPrivileges: true,
    },
    root: { path: 'rootfs', readonly: false },
    hostname: 'oci-ts',
    mounts: mounts(),
    linux: {
      resources: { devices: [{ allow: false, access: 'rwm' }] },
      namespaces: ['pid', 'network', 'ipc', 'uts', 'mount', 'cgroup'].map((type) => ({ type })),
      maskedPaths: [
        '/proc/acpi',
        '/proc/asound',
        '/proc/kcore',
        '/proc/keys',
        '/proc/latency_stats',
        '/proc/timer_list',
        '/proc/timer_stats',
        '/proc/sched_debug',
        '/sys/firmware',
        '/proc/scsi',
      ],
      readonlyPaths: ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'],
    },
  }
}

function mounts(): RuntimeMount[] {
  return [
    { destination: '/proc', type: 'proc', source: 'proc' },
    {
      destination: '/dev',
      type: 'tmpfs',
      source: 'tmpfs',
      options: ['nosuid', 'strictatime', 'mode=755', 'size=65536k'],
    },
    {
      destination: '/dev/pts',
      type: 'devpts',
      source: 'devpts',
      options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'],
    },
    {
      destination: '/dev/shm',
      type: 'tmpfs',
      source: 'shm',
      options: ['nosuid', 'noexec', 'nodev', 'mode=1777', 'size=65536k'],
    },
    {
      destination: '/dev/mqueue',
      type: 'mqueue',
      source: 'mqueue',
      options: ['nosuid', 'noexec', 'nodev'],
    },
    { destination: '/sys', type: 'sysfs', source: 'sysfs', options: ['nosuid', 'noexec', 'nodev', 'ro'] },
    {
      destination: '/sys/fs/cgroup',
      type: 'cgroup',
      source: 'cgroup',
      options: ['nosuid', 'noexec', 'nodev', 'relatime', 'ro'],
    },
  ]
}

/**
 * The same configuration for a user who is not root: in a user namespace where that user is root, without what such
 * a namespace may not do (control groups, a network of its own, a sysfs of its own), as `runc spec --rootless`.
 * @param uid The user on this machine who is root in the container.
 */
export function rootlessConfig(config: RuntimeConfig, uid: number, gid: number): RuntimeConfig {
  const { resources: _, ...linux } = config.linux ?? {}
  const { additionalGids: __, ...user } = config.process.user
  return {
    ...config,
    process: { ...config.process, user },
    mounts: (config.mounts ?? []).flatMap((mount): RuntimeMount[] => {
      if (mount.destination === '/sys') {
        return [
          {
            destination: '/sys',
            type: 'none',
            source: '/sys',
            options: ['rbind', 'nosuid', 'noexec', 'nodev', 'ro'],
          },
        ]
      }
      // Bound along with /sys; one of its own the namespace may not mount.
      if (mount.destination === '/sys/fs/cgroup') return []
      // A group that the namespace does not map cannot be given.
      const options = mount.options?.filter((option) => !/^[ug]id=/.test(option))
      return [{ ...mount, ...(options && { options }) }]
    }),
    linux: {
      ...linux,
      uidMappings: [{ containerID: 0, hostID: uid, size: 1 }],
      gidMappings: [{ containerID: 0, hostID: gid, size: 1 }],
      namespaces: [
        ...(linux.namespaces ?? []).filter(({ type }) => type !== 'network' && type !== 'user'),
        { type: 'user' },
      ],
    },
  }
}
