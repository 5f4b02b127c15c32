import { testHardCells } from './hard-nat-cells.ts';

testHardCells(25);
