/** Messages of `/lares/servers/1`, apart from the others: a page of a network with one full node never loads them. */
import * as P from 'micro-packed'
import { checked, createCodec, hash32 } from '../codec.ts'
import { serviceRecordCoder } from '../coordination/service-record.ts'
import { PROTOCOLS } from './ids.ts'

/** Seats that are asked for at once. */
export const MAX_ASKED_SEATS = 16

/** Asks where the holders of these seats serve. */
export const serversRequestCodec = createCodec(
  'servers request',
  PROTOCOLS.servers.maxRequest,
  P.struct({
    networkId: hash32,
    seats: checked(P.array(P.U8, P.U16BE), (seats) =>
      seats.length >= 1 &&
      seats.length <= MAX_ASKED_SEATS &&
      seats.every((seat, i) => i === 0 || seat > (seats[i - 1] as number))
        ? undefined
        : `${seats.length} seats; 1 to ${MAX_ASKED_SEATS}, ascending`,
    ),
  }),
)

/** Of the seats asked for, those whose holder is known. */
export const serversCodec = createCodec(
  'servers',
  PROTOCOLS.servers.maxResponse,
  P.struct({
    records: checked(P.array(P.U8, serviceRecordCoder), (records) =>
      records.length <= MAX_ASKED_SEATS ? undefined : `${records.length} records; at most ${MAX_ASKED_SEATS}`,
    ),
  }),
)
