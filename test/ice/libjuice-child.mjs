// libjuice inside a PeerConnection without STUN servers, on loopback. Driven over the channel of fork:
//
//     {open: 'offer' | 'answer'}      first; an offerer says its description at once
//     {description: SDP}              > {description: SDP}   an answerer's, in return
//     {candidate: 'candidate:...'}    > {candidate: '...'}   its own, as it finds them
//                                     > {state: STATE}       connected: a pair works; completed: one is nominated
//                                     > {port: PORT}         of the selected pair's remote end, when it changes
//
// It ends with its parent, by process.exit: the library's own end crashes now and then.
import nodeDataChannel from 'node-datachannel';

/** There is no callback for the selected pair. */
const POLL_MS = 20;
let peer;
let port;

function tell(event) {
  if (process.connected) process.send(event);
}

function tellPort() {
  const selected = peer.getSelectedCandidatePair()?.remote.port;
  if (selected === port) return;
  port = selected;
  tell({ port });
}

const commands = {
  open(role) {
    const options = { iceServers: [], bindAddress: '127.0.0.1' };
    peer = new nodeDataChannel.PeerConnection('libjuice', options);
    peer.onLocalDescription((description) => tell({ description }));
    peer.onLocalCandidate((candidate) => tell({ candidate }));
    peer.onIceStateChange((state) => tell({ state }));
    peer.onStateChange(() => undefined);
    setInterval(tellPort, POLL_MS);
    if (role === 'offer') peer.createDataChannel('never opened');
  },

  description(sdp) {
    peer.setRemoteDescription(sdp, peer.signalingState() === 'stable' ? 'offer' : 'answer');
  },

  candidate(line) {
    peer.addRemoteCandidate(line, '0');
  },
};

process.on('message', (command) => {
  const [name] = Object.keys(command);
  commands[name](command[name]);
});
process.on('disconnect', () => process.exit(0));
