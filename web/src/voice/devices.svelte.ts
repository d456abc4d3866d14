// The devices of this machine, followed as they come and go.

export interface Devices {
  inputs: readonly MediaDeviceInfo[];
  outputs: readonly MediaDeviceInfo[];
  cameras: readonly MediaDeviceInfo[];
}

/** Whether one can choose where it is heard. */
export const canChooseOutput = 'setSinkId' in HTMLMediaElement.prototype;

/** A list that renews itself; `listen` in an effect. */
export class DeviceList {
  now: Devices = $state.raw({ inputs: [], outputs: [], cameras: [] });

  /** Reads it anew: names appear once something was allowed. */
  async read(): Promise<void> {
    const all = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
    const of = (kind: MediaDeviceKind): MediaDeviceInfo[] =>
      // `default` stands for the system's own, which is offered as such
      all.filter((one) => one.kind === kind && one.deviceId !== '' && one.deviceId !== 'default');
    this.now = { inputs: of('audioinput'), outputs: of('audiooutput'), cameras: of('videoinput') };
  }

  /** Follows; answers with the undo. */
  listen(): () => void {
    const read = (): void => void this.read();
    navigator.mediaDevices?.addEventListener('devicechange', read);
    read();
    return () => navigator.mediaDevices?.removeEventListener('devicechange', read);
  }
}
